import { isFieldName } from '../http/field.ts';
import { quote } from '../options.ts';
import type { Dialect } from './dialect.ts';

/**
 * Checks that a value has the shape of a {@link Dialect}.
 *
 * @param owner who takes it, for the message: `createSluice`
 * @throws TypeError naming the member that is missing or wrong
 */
export function assertDialect(owner: string, value: unknown): asserts value is Dialect {
  if (typeof value !== 'object' || value === null) {
    throw new TypeError(
      `${owner}: dialect must be one of a front server, such as nginx({ prefix: "/_sluice/" }), got ${quote(value)}`,
    );
  }
  const members: Partial<Record<string, unknown>> = value;
  for (const [name, { holds, expected }] of Object.entries(MEMBERS)) {
    const member = members[name];
    if (!holds(member)) {
      throw new TypeError(
        `${owner}: ${name} of a dialect must be ${expected}, got ${quote(member)}`,
      );
    }
  }
  const { makes, entityTagOf } = members;
  const makesTag = Array.isArray(makes) && makes.includes('etag');
  if (makesTag !== (entityTagOf !== undefined)) {
    throw new TypeError(
      `${owner}: a dialect makes the header etag if, and only if, it has entityTagOf`,
    );
  }
}

interface Member {
  readonly holds: (value: unknown) => boolean;
  readonly expected: string;
}

const METHOD: Member = {
  holds: (value) => typeof value === 'function',
  expected: 'a function',
};

const OPTIONAL_METHOD: Member = {
  holds: (value) => value === undefined || typeof value === 'function',
  expected: 'a function, or absent',
};

const MEMBERS: Readonly<Record<keyof Dialect, Member>> = {
  name: { holds: (value) => typeof value === 'string' && value !== '', expected: 'a text' },
  header: {
    // An order among these would take the place of what the client is told.
    holds: (value) => isLowerCaseName(value) && !TOLD.test(String(value)),
    expected: 'the name in lower case of a header that no client is told, such as x-accel-redirect',
  },
  valueFor: METHOD,
  valueForUrl: OPTIONAL_METHOD,
  carries: METHOD,
  makes: {
    holds: (value) =>
      Array.isArray(value) && value.every(isLowerCaseName) && value.includes('content-length'),
    expected: 'an array of header names in lower case, "content-length" among them',
  },
  entityTagOf: OPTIONAL_METHOD,
  rateHeaderFor: OPTIONAL_METHOD,
  objectionTo: OPTIONAL_METHOD,
  maxHeadBytes: {
    holds: (value) => value === undefined || (Number.isSafeInteger(value) && Number(value) >= 1),
    expected: 'an integer of at least 1, or absent',
  },
};

/** What the plan of a download writes, and what every HTTP server adds. */
const TOLD =
  /^(?:accept-ranges|cache-control|connection|content-.+|date|etag|keep-alive|last-modified|set-cookie|transfer-encoding|vary|x-content-type-options)$/;

function isLowerCaseName(value: unknown): boolean {
  return typeof value === 'string' && isFieldName(value) && value === value.toLowerCase();
}
