import { allow, deny, forPattern, type Policy } from '@sluice/core';

import type { Member } from './member.ts';

/** An invoice is its student's, and the accountants'. */
export const invoicePolicy: Policy<Member> = forPattern(
  'invoices/:student/*name',
  ({ subject, params: { student } }) =>
    subject?.id === student || subject?.role === 'accountant'
      ? allow({ disposition: 'attachment' })
      : deny(`only ${student} and the accountants read these invoices`),
);
