const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const IMF_FIXDATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}:\d{2}:\d{2}) GMT$/;
const RFC850_DATE =
  /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}:\d{2}:\d{2}) GMT$/;
const ASCTIME_DATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) (\d{2}| \d) (\d{2}:\d{2}:\d{2}) (\d{4})$/;

/**
 * Parses an HTTP-date in any of its three forms and returns milliseconds since the epoch, always a
 * whole second, or `undefined` if the value is anything else (RFC 9110 §5.6.7).
 *
 * The time is UTC in every form, also in asctime-date, which names no zone. A day name must be one
 * of the seven but need not fit the date. The leap second 23:59:60 counts as 23:59:59: of the two
 * neighbours it is the one that cannot hide a change made in the second after. `Date.parse` is not
 * used: it accepts `2030-01-01` and `5000`, and reads asctime-date in local time.
 *
 * @param now Milliseconds since the epoch, against which a two-digit year is read.
 */
export function parseHttpDate(value: string, now: number = Date.now()): number | undefined {
  return parseImfFixdate(value) ?? parseAsctimeDate(value) ?? parseRfc850Date(value, now);
}

/**
 * Formats milliseconds since the epoch as IMF-fixdate, rounded down to the second
 * (RFC 9110 §5.6.7).
 *
 * @throws TypeError if the time is not a number or its year has no four-digit form (0–9999).
 */
export function formatHttpDate(epochMs: number): string {
  // Rounding first: the Date constructor truncates towards zero, which is up before 1970.
  const date = new Date(Math.floor(epochMs));
  const year = date.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) {
    throw new TypeError(
      `formatHttpDate: the time must lie in the years 0 to 9999, got ${epochMs} ms`,
    );
  }
  return date.toUTCString();
}

function parseImfFixdate(value: string): number | undefined {
  const match = IMF_FIXDATE.exec(value);
  if (match === null) return undefined;
  const [, day = '', month = '', year = '', time = ''] = match;
  return toEpochMs(Number(year), month, Number(day), time);
}

function parseAsctimeDate(value: string): number | undefined {
  const match = ASCTIME_DATE.exec(value);
  if (match === null) return undefined;
  const [, month = '', day = '', time = '', year = ''] = match;
  return toEpochMs(Number(year), month, Number(day), time);
}

function parseRfc850Date(value: string, now: number): number | undefined {
  const match = RFC850_DATE.exec(value);
  if (match === null) return undefined;
  const [, day = '', month = '', year = '', time = ''] = match;
  // RFC 9110 §5.6.7: a two-digit year that appears to be more than 50 years in the future is the
  // most recent year in the past with those digits. So the latest date within the limit is meant.
  const limit = new Date(now);
  limit.setUTCFullYear(limit.getUTCFullYear() + 50);
  const lastCentury = Math.floor(limit.getUTCFullYear() / 100) * 100;
  for (const century of [lastCentury, lastCentury - 100]) {
    const epochMs = toEpochMs(century + Number(year), month, Number(day), time);
    if (epochMs !== undefined && epochMs <= limit.getTime()) return epochMs;
  }
  return undefined;
}

function toEpochMs(year: number, month: string, day: number, time: string): number | undefined {
  const monthIndex = MONTHS.indexOf(month);
  const timeOfDay = toTimeOfDayMs(time);
  if (monthIndex === -1 || timeOfDay === undefined) return undefined;
  // Date.UTC would read the years 0–99 as 1900–1999.
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, monthIndex, day);
  // An impossible day, such as 30 Feb, has rolled over to another day of another month.
  if (midnight.getUTCDate() !== day) return undefined;
  return midnight.getTime() + timeOfDay;
}

function toTimeOfDayMs(time: string): number | undefined {
  const [hour = 0, minute = 0, second = 0] = time.split(':').map(Number);
  // RFC 9110 §5.6.7: 00:00:00 to 23:59:60; UTC has its leap seconds only there.
  const lastSecond = hour === 23 && minute === 59 ? 60 : 59;
  if (hour > 23 || minute > 59 || second > lastSecond) return undefined;
  return ((hour * 60 + minute) * 60 + Math.min(second, 59)) * 1000;
}
