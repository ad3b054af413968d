import { deny, denyOverrides, firstApplicable, notApplicable, type Policy } from '@sluice/core';

import { invoicePolicy } from './invoice-policy.ts';
import type { Member } from './member.ts';
import { recordingPolicy } from './recording-policy.ts';

/**
 * Who may download what of the school: what the policies of invoices and of recordings allow, unless
 * the account is locked. What neither of them speaks of is denied.
 */
export const downloadPolicy: Policy<Member> = denyOverrides(
  function lockedOut({ subject }) {
    return subject?.isLocked === true ? deny('the account is locked') : notApplicable();
  },
  firstApplicable(invoicePolicy, recordingPolicy),
);
