import test from 'ava';

import {
  allow,
  assertKey,
  type Decision,
  deny,
  denyOverrides,
  firstApplicable,
  forPattern,
  forPrefix,
  notApplicable,
  type Policy,
  type PolicyRequest,
} from '@sluice/core';

import { evaluate } from '../../src/policy/evaluate.ts';
import { explain } from '../../src/policy/explain.ts';

const ask = (policy: Policy, key: string, id?: string) => evaluate(policy, question(key, id), 1000);
const question = (key: string, id?: string) => ({
  subject: id === undefined ? undefined : { id },
  method: 'GET' as const,
  key: assertKey('test', key),
});
const yes: Policy = () => allow();
const no: Policy = () => deny('no');
const none: Policy = () => notApplicable();
const later =
  (policy: Policy): Policy =>
  async (request) => {
    await new Promise((resolve) => setImmediate(resolve));
    return policy(request);
  };
const broken: Policy = () => {
  throw new Error('broken');
};
const wrong: Policy = () => true as unknown as Decision;

type Effect = 'allow' | 'deny';
const tables: readonly (readonly [string, Policy, Effect])[] = [
  ['firstApplicable of nothing', firstApplicable(), 'deny'],
  ['firstApplicable(none)', firstApplicable(none), 'deny'],
  ['firstApplicable(yes)', firstApplicable(yes), 'allow'],
  ['firstApplicable(yes, no)', firstApplicable(yes, no), 'allow'],
  ['firstApplicable(no, yes)', firstApplicable(no, yes), 'deny'],
  ['firstApplicable(none, yes)', firstApplicable(none, yes), 'allow'],
  ['firstApplicable(broken, yes)', firstApplicable(broken, yes), 'deny'],
  ['firstApplicable(wrong, yes)', firstApplicable(wrong, yes), 'deny'],
  ['firstApplicable(yes, broken)', firstApplicable(yes, broken), 'allow'],
  ['denyOverrides of nothing', denyOverrides(), 'deny'],
  ['denyOverrides(none)', denyOverrides(none), 'deny'],
  ['denyOverrides(yes, none)', denyOverrides(yes, none), 'allow'],
  ['denyOverrides(yes, no)', denyOverrides(yes, no), 'deny'],
  ['denyOverrides(no, yes)', denyOverrides(no, yes), 'deny'],
  ['denyOverrides(yes, broken)', denyOverrides(yes, broken), 'deny'],
  ['denyOverrides(yes, wrong)', denyOverrides(yes, wrong), 'deny'],
  ['nested sets', firstApplicable(denyOverrides(none), firstApplicable(none, yes)), 'allow'],
];
for (const [title, policy, effect] of tables) {
  test(`${title}: ${effect}, at once and in its time`, async (t) => {
    t.is((await ask(policy, 'a')).effect, effect);
    t.is((await ask(later(policy), 'a')).effect, effect);
  });
}

test('rules that answer later are weighed like those that answer at once', async (t) => {
  t.is((await ask(firstApplicable(later(none), later(no), yes), 'a')).effect, 'deny');
  t.is((await ask(firstApplicable(later(none), yes, later(no)), 'a')).effect, 'allow');
  t.is((await ask(denyOverrides(later(yes), yes, later(no)), 'a')).effect, 'deny');
  t.is((await ask(denyOverrides(yes, later(none)), 'a')).effect, 'allow');
  t.is((await ask(firstApplicable(later(broken), yes), 'a')).effect, 'deny');
});

test('firstApplicable asks no rule after the one that decides', async (t) => {
  let asked = 0;
  const counting: Policy = () => {
    asked += 1;
    return allow();
  };
  await ask(firstApplicable(yes, counting), 'a');
  t.is(asked, 0);
});

test('denyOverrides obliges to what every allow obliges to, and the earlier one counts', async (t) => {
  const policy = denyOverrides(
    none,
    function first() {
      return allow({ filename: 'first', headers: { a: '1' } });
    },
    () => allow({ filename: 'second', disposition: 'attachment', headers: { a: '2', b: '2' } }),
  );
  t.like(await ask(policy, 'a'), {
    effect: 'allow',
    rule: 'first',
    obligations: { filename: 'first', disposition: 'attachment', headers: { a: '1', b: '2' } },
  });
  t.like(await ask(later(policy), 'a'), { rule: 'first' });
});

const prefixes: readonly (readonly [prefix: string, key: string, effect: Effect])[] = [
  ['users', 'users/7', 'allow'],
  ['users/', 'users/7', 'allow'],
  ['users', 'users/7/a', 'allow'],
  ['users', 'users', 'deny'],
  ['users', 'users2/7', 'deny'],
  ['users', 'Users/7', 'deny'],
  ['users', 'a/users/7', 'deny'],
  ['users/7', 'users/77', 'deny'],
  ['users/7/', 'users/7/a', 'allow'],
];
for (const [prefix, key, effect] of prefixes) {
  test(`forPrefix(${prefix}) and ${key}: ${effect}`, async (t) => {
    t.is((await ask(forPrefix(prefix, yes), key)).effect, effect);
  });
}

test('a pattern hands its parameters on, and those of the patterns around it', async (t) => {
  const seen: PolicyRequest['params'][] = [];
  const policy = forPattern(
    'users/:id/*path',
    firstApplicable(
      forPattern('users/*all', (request) => {
        seen.push(request.params);
        return allow();
      }),
    ),
  );
  await ask(policy, 'users/7/a/b');
  t.deepEqual(seen, [{ id: '7', path: 'a/b', all: '7/a/b' }]);
});

test('a rule inside a pattern sees the deadline pass, too', async (t) => {
  let aborted = false;
  const stuck = forPrefix(
    'users',
    ({ signal }) =>
      new Promise<Decision>(() => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
      }),
  );
  const verdict = await evaluate(stuck, question('users/7'), 10);
  t.is(verdict.effect, 'deny');
  t.true(aborted);
});

test('the owner, and nobody else, is let in', async (t) => {
  const policy = forPattern('users/:id/*path', ({ subject, params }) =>
    subject !== undefined && subject.id === params['id'] ? allow() : deny('not the owner'),
  );
  t.is((await ask(policy, 'users/7/a', '7')).effect, 'allow');
  t.is((await ask(policy, 'users/7/a', '8')).effect, 'deny');
  t.is((await ask(policy, 'users/7/a')).effect, 'deny');
  t.is((await ask(policy, 'users/undefined/a')).effect, 'deny');
});

test('explain names the rule that decided and the ones passed over', async (t) => {
  const policy = firstApplicable(
    forPrefix('public', yes),
    forPattern(
      'users/:id/*path',
      firstApplicable(none, function owner() {
        return deny('not the owner', { status: 403 });
      }),
    ),
    yes,
  );
  t.deepEqual(await explain(policy, question('users/7/a'), 1000), {
    effect: 'deny',
    rule: 'owner',
    reason: 'not the owner',
    status: 403,
    cause: undefined,
    obligations: undefined,
    passedOver: [
      { rule: 'forPrefix("public/")', effect: 'not-applicable' },
      { rule: 'none', effect: 'not-applicable' },
    ],
  });
});

test('explain shows an allow that a denial overrode', async (t) => {
  const { passedOver, rule } = await explain(denyOverrides(yes, none, no), question('a'), 1000);
  t.is(rule, 'no');
  t.deepEqual(passedOver, [
    { rule: 'yes', effect: 'allow' },
    { rule: 'none', effect: 'not-applicable' },
  ]);
});

test('explain lists an allow that was asked beside the one that decided, and no set of rules', async (t) => {
  const other: Policy = () => allow();
  const { rule, passedOver } = await explain(
    firstApplicable(none, denyOverrides(yes, other)),
    question('a'),
    1000,
  );
  t.is(rule, 'yes');
  t.deepEqual(passedOver, [
    { rule: 'none', effect: 'not-applicable' },
    { rule: 'other', effect: 'allow' },
  ]);
});

test('explain of what no rule speaks of names the policy, which passed itself over in no way', async (t) => {
  const { rule, passedOver, reason } = await explain(firstApplicable(none), question('a'), 1000);
  t.is(rule, 'firstApplicable');
  t.is(reason, 'no rule applied');
  t.deepEqual(passedOver, [{ rule: 'none', effect: 'not-applicable' }]);
});

test('explain shows what a policy threw', async (t) => {
  const { cause } = await explain(broken, question('a'), 1000);
  t.is((cause as Error).message, 'broken');
});

for (const [title, make] of [
  ['firstApplicable', () => firstApplicable(yes, 'yes' as never)],
  ['denyOverrides', () => denyOverrides(undefined as never)],
  ['forPrefix', () => forPrefix('a', true as never)],
  ['forPattern', () => forPattern('a', { allow: true } as never)],
] as const) {
  test(`${title} takes functions only`, (t) => {
    t.throws(make, { instanceOf: TypeError, message: /a policy must be a function, got / });
  });
}

for (const prefix of ['', '/', '/a', 'a//', '../a']) {
  test(`forPrefix refuses the prefix ${JSON.stringify(prefix)}`, (t) => {
    t.throws(() => forPrefix(prefix, yes), { instanceOf: TypeError, message: /is not a prefix/ });
  });
}
