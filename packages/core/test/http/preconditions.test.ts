import test from 'ava';
import * as fc from 'fast-check';
import { evaluatePreconditions, rangeApplies } from '../../src/http/preconditions.ts';
import {
  defaultValidators,
  ifRangeRows,
  lastModified,
  now as defaultNow,
  preconditionRows,
} from '../tables/preconditions.ts';

for (const row of preconditionRows) {
  const { remark, method = 'GET', conditions, validators = defaultValidators, expected } = row;
  test(`${remark}: ${method} ${JSON.stringify({ conditions, validators })} → ${expected}`, (t) => {
    t.is(evaluatePreconditions(method, conditions, validators, defaultNow), expected);
  });
}

for (const row of ifRangeRows) {
  const { remark, ifRange, validators = defaultValidators, now = defaultNow, expected } = row;
  const range = 'bytes=0-9';
  test(`${remark}: If-Range ${JSON.stringify({ ifRange, validators, now })} → ${expected}`, (t) => {
    t.is(rangeApplies({ ifRange, range }, validators, now), expected);
  });
}

test('two-digit years are read against the given clock', (t) => {
  const field = 'Thursday, 06-Nov-80 08:49:37 GMT';
  const in1980 = { lastModified: Date.UTC(1980, 10, 6, 8, 49, 37) };
  const evaluate = (now: number): string =>
    evaluatePreconditions('GET', { ifModifiedSince: field }, { lastModified }, now);
  t.is(evaluate(Date.UTC(1995, 0, 1)), 'proceed');
  t.is(evaluate(Date.UTC(2031, 0, 1)), 'not-modified');
  t.true(rangeApplies({ ifRange: field }, in1980, Date.UTC(1995, 0, 1)));
  t.false(rangeApplies({ ifRange: field }, in1980, Date.UTC(2031, 0, 1)));
});

test('any field values give an outcome and never an exception', (t) => {
  const field = fc.option(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('*', '"e"', 'W/"e"', '"e', 'Sun, 06 Nov 1994 08:49:37 GMT', '', ',', 'Sun,'),
    ),
    { nil: undefined },
  );
  const conditions = fc.record({
    ifMatch: field,
    ifNoneMatch: field,
    ifModifiedSince: field,
    ifUnmodifiedSince: field,
    ifRange: field,
  });
  const outcomes = ['proceed', 'not-modified', 'precondition-failed'];
  fc.assert(
    fc.property(fc.constantFrom('GET', 'HEAD', 'PUT', 'x'), conditions, (method, sent) => {
      t.true(outcomes.includes(evaluatePreconditions(method, sent, defaultValidators, defaultNow)));
      t.is(typeof rangeApplies(sent, defaultValidators, defaultNow), 'boolean');
    }),
    { numRuns: 500 },
  );
});
