import { createSluice, type Policy } from '@sluice/core';
import test from 'ava';

import { downloadPolicy, type Member } from '../src/index.ts';

const student: Member = { id: 'ada', courses: ['harbour'], role: 'student', isLocked: false };
const locked: Member = { ...student, isLocked: true };
const accountant: Member = { id: 'cleo', courses: [], role: 'accountant', isLocked: false };
const teacher: Member = { id: 'tess', courses: [], role: 'teacher', isLocked: false };

const sluice = createSluice({
  policy: downloadPolicy,
  // A policy is asked before the store, so a test of it needs none.
  storage: {
    name: 'none',
    stat: async () => undefined,
    open: async () => undefined,
  },
});

const TABLE: readonly (readonly [string, Member | undefined, 'allow' | number])[] = [
  ['invoices/ada/2026-001.pdf', student, 'allow'],
  ['invoices/ada/2026-001.pdf', accountant, 'allow'],
  ['invoices/ada/2026-001.pdf', teacher, 404],
  ['invoices/ben/2026-002.pdf', student, 404],
  ['invoices/ada/2026-001.pdf', undefined, 404],
  ['invoices/ada/2026-001.pdf', locked, 404],
  ['recordings/harbour/preview.wav', undefined, 'allow'],
  ['recordings/harbour/preview.wav', locked, 404],
  ['recordings/harbour/lesson-1.wav', student, 'allow'],
  ['recordings/harbour/lesson-1.wav', teacher, 'allow'],
  ['recordings/harbour/lesson-1.wav', accountant, 403],
  ['recordings/harbour/lesson-1.wav', undefined, 403],
  ['recordings/harbour/lesson-1.wav', locked, 404],
  ['recordings/forest/lesson-1.wav', student, 403],
  ['elsewhere/anything', teacher, 404],
  ['invoices', accountant, 404],
];

for (const [key, subject, expected] of TABLE) {
  const who = `${subject?.id ?? 'nobody'}${subject?.isLocked === true ? ', locked out' : ''}`;
  test(`${key} for ${who}: ${expected}`, async (t) => {
    const { effect, status } = await sluice.explain({ subject, key });
    t.is(effect === 'allow' ? effect : status, expected);
  });
}

test('a policy of other people does not fit in', (t) => {
  interface Stranger {
    readonly name: string;
  }
  // @ts-expect-error -- who is asked about has no name, and the compiler says so
  const wrong: Policy<Stranger> = downloadPolicy;
  t.is(typeof wrong, 'function');
});
