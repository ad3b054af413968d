import { execFileSync } from 'node:child_process';
import test from 'ava';
import * as fc from 'fast-check';
import { formatHttpDate, parseHttpDate } from '../../src/http/date.ts';
import { dateNow, dateRows, formattedDateRows } from '../tables/dates.ts';

for (const [remark, value, epochMs] of dateRows) {
  test(`parseHttpDate: ${remark} ${JSON.stringify(value.slice(0, 60))}`, (t) => {
    t.is(parseHttpDate(value, dateNow), epochMs);
  });
}

for (const [remark, epochMs, value] of formattedDateRows) {
  test(`formatHttpDate: ${remark} (${epochMs})`, (t) => {
    t.is(formatHttpDate(epochMs), value);
  });
}

test('a two-digit year is read against the given clock, on both sides of a century', (t) => {
  const parse = (value: string, now: number): number | undefined => parseHttpDate(value, now);
  t.is(parse('Saturday, 01-Jan-00 00:00:00 GMT', Date.UTC(1999, 11, 31)), Date.UTC(2000, 0, 1));
  t.is(parse('Friday, 31-Dec-99 00:00:00 GMT', Date.UTC(2000, 0, 1)), Date.UTC(1999, 11, 31));
  t.is(parse('Tuesday, 01-Jan-80 00:00:00 GMT', Date.UTC(1994, 0, 1)), Date.UTC(1980, 0, 1));
  t.is(parse('Friday, 01-Jan-40 00:00:00 GMT', Date.UTC(1994, 0, 1)), Date.UTC(2040, 0, 1));
  // 2100 is no leap year, so the latest 29 February of a year 00 is in 2000.
  t.is(parse('Tuesday, 29-Feb-00 00:00:00 GMT', Date.UTC(2060, 0, 1)), Date.UTC(2000, 1, 29));
});

for (const epochMs of [
  Number.NaN,
  Infinity,
  -Infinity,
  Date.UTC(10_000, 0, 1),
  -62_167_219_200_001,
]) {
  test(`formatHttpDate refuses ${epochMs}, which no HTTP-date can name`, (t) => {
    t.throws(() => formatHttpDate(epochMs), { instanceOf: TypeError, message: /\d|NaN|Infinity/ });
  });
}

test('every formatted date is parsed to the second it names', (t) => {
  const time = fc.integer({ min: Date.UTC(1000, 0, 1), max: Date.UTC(9999, 11, 31) });
  fc.assert(
    fc.property(time, (epochMs) => {
      return parseHttpDate(formatHttpDate(epochMs)) === Math.floor(epochMs / 1000) * 1000;
    }),
  );
  t.pass();
});

for (const zone of ['Asia/Tokyo', 'America/New_York', 'Europe/Berlin', 'UTC']) {
  test(`V30: every form is read as GMT in a process with TZ=${zone}`, (t) => {
    const rows = dateRows.filter(([, value]) => value.length < 100);
    const script = `
      import { parseHttpDate, formatHttpDate } from ${JSON.stringify(import.meta.resolve('../../src/http/date.js'))};
      const { values, now } = JSON.parse(process.argv[1]);
      const parsed = values.map((value) => parseHttpDate(value, now) ?? 'undefined');
      console.log(JSON.stringify({
        offset: new Date(now).getTimezoneOffset(), parsed, formatted: formatHttpDate(0),
      }));`;
    const input = JSON.stringify({ values: rows.map(([, value]) => value), now: dateNow });
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script, input], {
      env: { ...process.env, TZ: zone },
      encoding: 'utf8',
    });
    const { offset, parsed, formatted } = JSON.parse(output);
    t.is(offset === 0, zone === 'UTC', 'the child runs in the zone it was given');
    t.deepEqual(
      parsed,
      rows.map(([, , epochMs]) => epochMs ?? 'undefined'),
    );
    t.is(formatted, 'Thu, 01 Jan 1970 00:00:00 GMT');
  });
}
