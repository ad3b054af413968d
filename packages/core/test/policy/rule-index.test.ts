import test from 'ava';

import {
  allow,
  type Decision,
  deny,
  denyOverrides,
  firstApplicable,
  forPattern,
  forPrefix,
  notApplicable,
  type Policy,
  type PolicyObserver,
  type PolicyRequest,
} from '@sluice/core';

import { joinAllows } from '../../src/policy/decision.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import { explain } from '../../src/policy/explain.ts';
import { compilePattern, scopeOf } from '../../src/policy/pattern.ts';
import { ask, named } from '../../src/policy/policy.ts';
import { createRuleIndex } from '../../src/policy/rule-index.ts';
import { keyOf } from '../helpers/objects.ts';

type Kind = 'firstApplicable' | 'denyOverrides';

/** Asks all policies one by one, as the definition of the combination has it. */
function oneByOne(kind: Kind, policies: readonly Policy[]): Policy {
  const settles = ({ effect }: Decision): boolean =>
    kind === 'firstApplicable' ? effect !== 'not-applicable' : effect === 'deny';
  const decide = async (request: PolicyRequest, observe?: PolicyObserver): Promise<Decision> => {
    let allowed: Decision = notApplicable();
    for (const policy of policies) {
      const decision = await ask(policy, request, observe);
      if (settles(decision)) return decision;
      allowed = joinAllows(allowed, decision);
    }
    return allowed;
  };
  return named(kind, decide);
}

/** A policy with an index and the same without one, over the same leaves. */
interface Pair {
  readonly indexed: Policy;
  readonly plain: Policy;
}

interface World {
  readonly log: string[];
  /** Gives an integer from 0 up to, not including, `end`. */
  readonly random: (end: number) => number;
}

/** Throws the same numbers in every run (mulberry32). */
function dice(seed: number): World['random'] {
  let state = seed;
  return (end) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  };
}

const WORDS = ['a', 'b', 'ab', 'ba', 'aab', 'x'];

const word = ({ random }: World): string => WORDS[random(WORDS.length)] ?? 'a';

function randomPattern(world: World): string {
  const { random } = world;
  const segments = Array.from({ length: 1 + random(4) }, (_, at) => {
    switch (random(9)) {
      case 0:
        return `:p${at}`;
      case 1:
        return `${word(world)}:p${at}`;
      case 2:
        return `:p${at}.${word(world)}`;
      case 3:
        return `*p${at}`;
      case 4:
        return `${word(world)}*p${at}${word(world)}`;
      case 5:
        return `${word(world)}{${word(world)}:p${at}}`;
      default:
        return word(world);
    }
  });
  return segments.join('/');
}

function randomKey(world: World): string {
  const { random } = world;
  const segment = (): string => word(world) + (random(3) === 0 ? `.${word(world)}` : '');
  return Array.from({ length: 1 + random(5) }, segment).join('/');
}

function leaf({ log, random }: World, name: string): Policy {
  const what = random(48);
  const answer = (request: PolicyRequest): unknown => {
    log.push(`${name} ${request.key} ${JSON.stringify(request.params)}`);
    if (what < 8) return deny(`${name} denies`, { status: 403 });
    if (what < 16) return allow({ filename: name });
    if (what < 20) return Promise.resolve(allow({ headers: { [`x-${name}`]: '1' } }));
    if (what < 24) return Promise.resolve(notApplicable());
    if (what === 24) throw new Error(name);
    return notApplicable();
  };
  return named(name, answer as Policy);
}

function randomPair(world: World, name: string, depth: number): Pair {
  const { random } = world;
  if (depth > 0 && random(8) === 0) return randomSet(world, `${name}s`, depth - 1);
  const policy = leaf(world, name);
  return { indexed: policy, plain: policy };
}

function randomLimited(world: World, name: string, depth: number): Pair {
  const { indexed, plain } = randomPair(world, name, depth);
  const which = world.random(10);
  if (which === 0) return { indexed, plain };
  if (which < 3) {
    const prefix = Array.from({ length: 1 + world.random(2) }, () => word(world)).join('/');
    return { indexed: forPrefix(prefix, indexed), plain: forPrefix(prefix, plain) };
  }
  const pattern = randomPattern(world);
  return { indexed: forPattern(pattern, indexed), plain: forPattern(pattern, plain) };
}

function randomSet(world: World, name: string, depth: number): Pair {
  const kind = world.random(2) === 0 ? 'firstApplicable' : 'denyOverrides';
  const combine = kind === 'firstApplicable' ? firstApplicable : denyOverrides;
  const pairs = Array.from({ length: 4 + world.random(60) }, (_, at) =>
    randomLimited(world, `${name}${at}`, depth),
  );
  return {
    indexed: combine(...pairs.map(({ indexed }) => indexed)),
    plain: oneByOne(
      kind,
      pairs.map(({ plain }) => plain),
    ),
  };
}

test('many rules decide, are asked and explain themselves as if they were asked one by one', async (t) => {
  const effects = new Set<string>();
  for (let round = 0; round < 12; round += 1) {
    const world: World = { log: [], random: dice(round) };
    const { indexed, plain } = randomSet(world, 'r', 2);
    const keys = Array.from({ length: 12 }, () => randomKey(world));
    for (const key of keys) {
      const question = { subject: undefined, method: 'GET', key: keyOf(key) } as const;
      const verdicts = [];
      const logs: string[][] = [];
      for (const policy of [indexed, plain]) {
        world.log.length = 0;
        verdicts.push(await evaluate(policy, question, 5000));
        logs.push([...world.log]);
      }
      t.deepEqual(verdicts[0], verdicts[1], `round ${round}, ${key}`);
      t.deepEqual(logs[0], logs[1], `round ${round}, ${key}`);
      t.deepEqual(
        await explain(indexed, question, 5000),
        await explain(plain, question, 5000),
        `round ${round}, ${key}`,
      );
      effects.add(`${verdicts[0]?.effect} ${logs[0]?.length === 0}`);
    }
  }
  t.true(effects.has('allow false') && effects.has('deny false'));
});

test('the index finds every pattern that matches, and few others', (t) => {
  const world: World = { log: [], random: dice(1) };
  const patterns = Array.from({ length: 3000 }, () => randomPattern(world));
  const index = createRuleIndex(patterns.map((pattern) => scopeOf(pattern)));
  const matches = patterns.map((pattern) => compilePattern(pattern));
  let [hits, found] = [0, 0];
  for (let round = 0; round < 150; round += 1) {
    const key = randomKey(world);
    const numbers = index.find(key);
    t.deepEqual(
      numbers,
      [...new Set(numbers)].toSorted((a, b) => a - b),
      key,
    );
    const wanted = matches.flatMap((match, at) => (match(key) === undefined ? [] : [at]));
    const missed = wanted.filter((at) => !numbers.includes(at)).map((at) => patterns[at]);
    t.deepEqual(missed, [], key);
    hits += wanted.length;
    found += numbers.length;
  }
  t.true(hits > 300);
  t.true(found < hits * 3, `${found} found for ${hits} that match`);
});

test('a pattern that is gone through once matches like one that fills a table', (t) => {
  const world: World = { log: [], random: dice(2) };
  let hits = 0;
  for (let round = 0; round < 1500; round += 1) {
    const pattern = randomPattern(world);
    const match = compilePattern(pattern);
    // With a group, even an empty one, it fills a table.
    const byTable = compilePattern(`${pattern}{}`);
    for (let tries = 0; tries < 10; tries += 1) {
      const key = randomKey(world);
      const params = match(key);
      if (params !== undefined) hits += 1;
      t.deepEqual(params, byTable(key), `${pattern} and ${key}`);
    }
  }
  t.true(hits > 500, String(hits));
});

test('of ten thousand rules for other keys none is asked', async (t) => {
  let asked = 0;
  const counting: Policy = () => {
    asked += 1;
    return deny('another tenant');
  };
  const rules = Array.from({ length: 10_000 }, (_, at) =>
    at % 2 === 0 ? forPrefix(`tenant${at}`, counting) : forPattern(`:area/t${at}/*path`, counting),
  );
  const policy = firstApplicable(...rules, forPattern(':area/t1/*path', counting), () => allow());
  const question = (key: string) =>
    ({ subject: undefined, method: 'GET', key: keyOf(key) }) as const;
  t.is((await evaluate(policy, question('users/7/a'), 1000)).effect, 'allow');
  t.is(asked, 0);
  t.is((await evaluate(policy, question('users/t1/a'), 1000)).effect, 'deny');
  t.is((await evaluate(policy, question('tenant4/a'), 1000)).effect, 'deny');
  t.is(asked, 2);
  const { passedOver } = await explain(policy, question('users/7/a'), 1000);
  t.is(passedOver.length, 10_001);
});

test('rules that are functions keep their place among those that are found', async (t) => {
  const asked: string[] = [];
  const none = (name: string): Policy =>
    named(name, () => {
      asked.push(name);
      return notApplicable();
    });
  const others = Array.from({ length: 20 }, (_, at) => forPrefix(`other${at}`, none('never')));
  const policy = firstApplicable(
    none('first'),
    ...others,
    forPrefix('a', none('second')),
    none('third'),
    forPattern('*all', none('fourth')),
    none('fifth'),
  );
  await evaluate(policy, { subject: undefined, method: 'GET', key: keyOf('a/b') }, 1000);
  t.deepEqual(asked, ['first', 'second', 'third', 'fourth', 'fifth']);
});
