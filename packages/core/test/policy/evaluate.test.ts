/* oxlint-disable unicorn/no-thenable -- thenables and a polluted prototype are what is tried here */
/* oxlint-disable eslint/no-extend-native -- the same */
import test from 'ava';

import { allow, assertKey, type Decision, deny, notApplicable, type Policy } from '@sluice/core';

import { evaluate } from '../../src/policy/evaluate.ts';

const question = { subject: { id: '7' }, method: 'GET' as const, key: assertKey('test', 'a') };
const returning =
  (value: unknown): Policy =>
  () =>
    value as Decision;

/** Everything that is not the exact allow value, as a slip or an attack would produce it. */
const notAllowed: readonly (readonly [string, Policy])[] = [
  ['undefined', returning(undefined)],
  ['null', returning(null)],
  ['true', returning(true)],
  ['1', returning(1)],
  ["'true'", returning('true')],
  ["'allow'", returning('allow')],
  ['an object that looks like an allow', returning({ effect: 'allow', obligations: {} })],
  ['a parsed copy of an allow', returning(JSON.parse(JSON.stringify(allow())))],
  ['a spread copy of a denial', returning({ ...deny('no'), effect: 'allow', obligations: {} })],
  ['an object that inherits from an allow', returning(Object.create(allow()))],
  ['the function allow itself', returning(allow)],
  ['an array', returning([allow()])],
  ['a promise of true', returning(Promise.resolve(true))],
  ['a promise of nothing', returning(Promise.resolve())],
  [
    'a promise whose own then gives what looks like an allow',
    returning(
      Object.assign(Promise.resolve(deny('no')), {
        then: () => ({ effect: 'allow', obligations: {} }),
      }),
    ),
  ],
  ['a rejection', returning(Promise.reject(new Error('down')))],
  [
    'a thenable that throws',
    returning({
      then: () => {
        throw new Error('trap');
      },
    }),
  ],
  [
    'an object whose every property throws',
    returning(
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('trap');
          },
          getOwnPropertyDescriptor: () => {
            throw new Error('trap');
          },
        },
      ),
    ),
  ],
  [
    'a promise of an object that cannot be looked at',
    returning(
      Promise.resolve(
        new Proxy(
          {},
          {
            getOwnPropertyDescriptor: () => {
              throw new Error('trap');
            },
          },
        ),
      ),
    ),
  ],
  ['not-applicable', returning(notApplicable())],
  ['a denial', returning(deny('no'))],
  [
    'a throw',
    () => {
      throw new Error('broken');
    },
  ],
  [
    'a throw of undefined',
    () => {
      throw undefined; // oxlint-disable-line typescript/only-throw-error -- a policy may do it
    },
  ],
];
for (const [title, policy] of notAllowed) {
  test(`${title} is a denial, concealed as 404`, async (t) => {
    const verdict = await evaluate(policy, question, 1000);
    t.is(verdict.effect, 'deny');
    t.is(verdict.effect === 'deny' && verdict.status, 404);
  });
}

test('allow, at once or later, is the only way in', async (t) => {
  t.is((await evaluate(returning(allow()), question, 1000)).effect, 'allow');
  t.is((await evaluate(async () => allow(), question, 1000)).effect, 'allow');
  const thenable = { then: (done: (value: unknown) => void) => done(allow()) };
  t.is((await evaluate(returning(thenable), question, 1000)).effect, 'allow');
});

test('a polluted Object.prototype opens nothing', async (t) => {
  const pollution: Record<string | symbol, unknown> = {
    effect: 'allow',
    allow: true,
    obligations: {},
    [Symbol.for('sluice.decision')]: true,
  };
  const names = Reflect.ownKeys(pollution);
  try {
    for (const name of names) {
      Object.defineProperty(Object.prototype, name, { value: pollution[name], configurable: true });
    }
    for (const value of [{}, [], undefined, Object.create(null)]) {
      t.is((await evaluate(returning(value), question, 1000)).effect, 'deny');
    }
    t.is((await evaluate(returning(deny('no')), question, 1000)).effect, 'deny');
  } finally {
    for (const name of names) Reflect.deleteProperty(Object.prototype, name);
  }
});

test('a policy that never settles is denied at the deadline, and is told by its signal', async (t) => {
  let aborted = false;
  const stuck: Policy = ({ signal }) =>
    new Promise(() => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
    });
  const verdict = await evaluate(stuck, question, 20);
  t.like(verdict, { effect: 'deny', reason: 'the policy missed its deadline', rule: 'deadline' });
  t.true(aborted);
});

test('an allow after the deadline does not count', async (t) => {
  const late: Policy = () => new Promise((resolve) => setTimeout(() => resolve(allow()), 60));
  t.is((await evaluate(late, question, 10)).effect, 'deny');
});

test('a policy that answers in time keeps no timer alive', async (t) => {
  const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  await evaluate(async () => allow(), question, 1_000_000);
  const after = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  t.true(after <= before);
});

test('what a policy threw is kept for the log', async (t) => {
  const fault = new Error('database down');
  const verdict = await evaluate(
    () => {
      throw fault;
    },
    question,
    1000,
  );
  t.like(verdict, { reason: 'the policy threw', cause: fault });
  const rejected = await evaluate(() => Promise.reject(fault), question, 1000);
  t.like(rejected, { reason: 'the policy rejected', cause: fault });
});

test('the policy is told subject, action, method and key', async (t) => {
  await evaluate(
    (request) => {
      t.like(request, { ...question, action: 'download', params: {} });
      t.false(request.signal.aborted);
      return allow();
    },
    question,
    1000,
  );
});

test('a decision carries the name of its rule', async (t) => {
  t.is(
    (
      await evaluate(
        function mine() {
          return allow();
        },
        question,
        1000,
      )
    ).rule,
    'mine',
  );
  t.is((await evaluate(() => allow(), question, 1000)).rule, 'rule');
  const shared = allow();
  await evaluate(
    function other() {
      return shared;
    },
    question,
    1000,
  );
  t.is(shared.rule, undefined);
});

test('an answer that is there is given at once, and a promise is waited for', async (t) => {
  t.false(evaluate(() => allow(), question, 1000) instanceof Promise);
  t.false(evaluate(() => deny('no'), question, 1000) instanceof Promise);
  const later = evaluate(async () => allow(), question, 1000);
  t.true(later instanceof Promise);
  t.is((await later).effect, 'allow');
});

test('a request has one signal, which a copy of the request keeps', async (t) => {
  const signals: AbortSignal[] = [];
  const verdict = await evaluate(
    (request) => {
      signals.push(request.signal, request.signal, { ...request }.signal);
      return new Promise<Decision>(() => undefined);
    },
    question,
    10,
  );
  t.is(verdict.rule, 'deadline');
  t.is(new Set(signals).size, 1);
  t.true(signals[0]?.aborted);
});

test('a rule that only allows has its own name, however many there are', async (t) => {
  for (let round = 0; round < 2; round += 1) {
    for (let at = 0; at < 1500; at += 1) {
      const rule = { [`rule ${at}`]: (): Decision => allow() }[`rule ${at}`] ?? (() => deny(''));
      t.is((await evaluate(rule, question, 1000)).rule, `rule ${at}`);
    }
  }
  t.is(allow().rule, undefined);
});
