import type { Conditions, PreconditionOutcome, Validators } from '../../src/http/preconditions.ts';

export const lastModified: number = Date.UTC(1994, 10, 6, 8, 49, 37);
export const now: number = Date.UTC(2026, 10, 22, 12, 0, 0);

const modified = 'Sun, 06 Nov 1994 08:49:37 GMT';
const earlier = 'Sun, 06 Nov 1994 08:49:36 GMT';
const later = 'Sun, 06 Nov 1994 08:49:38 GMT';
const muchLater = 'Sun, 06 Nov 1994 08:51:17 GMT';
const asctime = 'Sun Nov  6 08:49:37 1994';
const rfc850 = 'Sunday, 06-Nov-94 08:49:37 GMT';

const own = '"e"';
const ownWeak = 'W/"e"';
const other = '"nope"';

const strongTag = { weak: false, opaque: 'e' };
const weakTag = { weak: true, opaque: 'e' };

/** The usual object: a strong entity tag and a modification date. */
const both: Validators = { entityTag: strongTag, lastModified };
const weakly: Validators = { entityTag: weakTag, lastModified };
const tagOnly: Validators = { entityTag: strongTag };
const dateOnly: Validators = { lastModified };
const neither: Validators = {};

export interface PreconditionRow {
  readonly remark: string;
  /** Default GET. */
  readonly method?: string;
  readonly conditions: Conditions;
  /** Default: a strong entity tag and a modification date. */
  readonly validators?: Validators;
  readonly expected: PreconditionOutcome;
}

export const preconditionRows: readonly PreconditionRow[] = [
  { remark: 'no condition', conditions: {}, expected: 'proceed' },
  {
    remark: 'Range and If-Range are no preconditions',
    conditions: { range: 'bytes=0-9', ifRange: other },
    expected: 'proceed',
  },

  // Step 1: If-Match, §13.1.1.
  { remark: '§13.1.1 own tag', conditions: { ifMatch: own }, expected: 'proceed' },
  {
    remark: '§13.1.1 own tag in a list',
    conditions: { ifMatch: '"x",\t"e"' },
    expected: 'proceed',
  },
  { remark: 'V25 another tag', conditions: { ifMatch: other }, expected: 'precondition-failed' },
  {
    remark: 'V25 HEAD',
    method: 'HEAD',
    conditions: { ifMatch: other },
    expected: 'precondition-failed',
  },
  {
    remark: 'V25 any method',
    method: 'DELETE',
    conditions: { ifMatch: other },
    expected: 'precondition-failed',
  },
  {
    remark: 'V26 weak form of the own tag',
    conditions: { ifMatch: ownWeak },
    expected: 'precondition-failed',
  },
  {
    remark: 'V26 own tag is weak',
    conditions: { ifMatch: ownWeak },
    validators: weakly,
    expected: 'precondition-failed',
  },
  {
    remark: 'V26 own tag is weak, strong form sent',
    conditions: { ifMatch: own },
    validators: weakly,
    expected: 'precondition-failed',
  },
  { remark: '§13.1.1 * matches what exists', conditions: { ifMatch: '*' }, expected: 'proceed' },
  {
    remark: '§13.1.1 * without an entity tag',
    conditions: { ifMatch: '*' },
    validators: neither,
    expected: 'proceed',
  },
  {
    remark: '§13.1.1 * with a weak one',
    conditions: { ifMatch: '*' },
    validators: weakly,
    expected: 'proceed',
  },
  {
    remark: '§13.1.1 no entity tag known',
    conditions: { ifMatch: own },
    validators: dateOnly,
    expected: 'precondition-failed',
  },
  {
    remark: '§13.1.1 malformed fails safe',
    conditions: { ifMatch: 'e' },
    expected: 'precondition-failed',
  },
  {
    remark: '§13.1.1 malformed although it holds the tag',
    conditions: { ifMatch: '"e", x' },
    expected: 'precondition-failed',
  },
  {
    remark: '§13.1.1 * and a tag is malformed',
    conditions: { ifMatch: '*, "e"' },
    expected: 'precondition-failed',
  },
  { remark: '§13.1.1 empty list', conditions: { ifMatch: '' }, expected: 'precondition-failed' },
  {
    remark: '§13.1.1 tag with a comma is one tag',
    conditions: { ifMatch: '"x,"e"' },
    expected: 'precondition-failed',
  },

  // Step 2: If-Unmodified-Since, §13.1.4.
  {
    remark: 'V28 modified after the date',
    conditions: { ifUnmodifiedSince: earlier },
    expected: 'precondition-failed',
  },
  {
    remark: 'V28 HEAD',
    method: 'HEAD',
    conditions: { ifUnmodifiedSince: earlier },
    expected: 'precondition-failed',
  },
  {
    remark: 'V28 any method',
    method: 'PUT',
    conditions: { ifUnmodifiedSince: earlier },
    expected: 'precondition-failed',
  },
  {
    remark: '§13.1.4 modified at the date',
    conditions: { ifUnmodifiedSince: modified },
    expected: 'proceed',
  },
  {
    remark: '§13.1.4 modified before the date',
    conditions: { ifUnmodifiedSince: later },
    expected: 'proceed',
  },
  {
    remark: '§13.1.4 same second, with milliseconds',
    conditions: { ifUnmodifiedSince: modified },
    validators: { lastModified: lastModified + 999 },
    expected: 'proceed',
  },
  { remark: 'V30 asctime', conditions: { ifUnmodifiedSince: asctime }, expected: 'proceed' },
  { remark: 'V30 rfc850', conditions: { ifUnmodifiedSince: rfc850 }, expected: 'proceed' },
  {
    remark: '§13.1.4 not a date',
    conditions: { ifUnmodifiedSince: '1990-01-01' },
    expected: 'proceed',
  },
  { remark: '§13.1.4 a number', conditions: { ifUnmodifiedSince: '0' }, expected: 'proceed' },
  {
    remark: '§13.1.4 no modification date',
    conditions: { ifUnmodifiedSince: earlier },
    validators: tagOnly,
    expected: 'proceed',
  },
  {
    remark: 'V27 ignored beside If-Match',
    conditions: { ifMatch: own, ifUnmodifiedSince: earlier },
    expected: 'proceed',
  },
  {
    remark: 'V27 ignored beside If-Match: *',
    conditions: { ifMatch: '*', ifUnmodifiedSince: earlier },
    expected: 'proceed',
  },
  {
    remark: '§13.1.4 cannot save a failed If-Match',
    conditions: { ifMatch: other, ifUnmodifiedSince: later },
    expected: 'precondition-failed',
  },

  // Step 3: If-None-Match, §13.1.2.
  { remark: '§13.1.2 own tag', conditions: { ifNoneMatch: own }, expected: 'not-modified' },
  {
    remark: 'V23 HEAD',
    method: 'HEAD',
    conditions: { ifNoneMatch: own },
    expected: 'not-modified',
  },
  {
    remark: '§13.1.2 another method',
    method: 'PUT',
    conditions: { ifNoneMatch: own },
    expected: 'precondition-failed',
  },
  {
    remark: '§13.1.2 methods are case-sensitive',
    method: 'get',
    conditions: { ifNoneMatch: own },
    expected: 'precondition-failed',
  },
  { remark: '§13.1.2 another tag', conditions: { ifNoneMatch: other }, expected: 'proceed' },
  {
    remark: 'V19 after a comma and a tab',
    conditions: { ifNoneMatch: '"x",\t"e"' },
    expected: 'not-modified',
  },
  {
    remark: 'V21 in a list',
    conditions: { ifNoneMatch: '"x", "e", "y"' },
    expected: 'not-modified',
  },
  {
    remark: 'V21 weak form of the own tag',
    conditions: { ifNoneMatch: ownWeak },
    expected: 'not-modified',
  },
  {
    remark: 'V21 strong form of a weak tag',
    conditions: { ifNoneMatch: own },
    validators: weakly,
    expected: 'not-modified',
  },
  { remark: 'V22 *', conditions: { ifNoneMatch: '*' }, expected: 'not-modified' },
  {
    remark: 'V22 * with no validators',
    conditions: { ifNoneMatch: '*' },
    validators: neither,
    expected: 'not-modified',
  },
  {
    remark: 'V22 * on another method',
    method: 'PUT',
    conditions: { ifNoneMatch: '*' },
    expected: 'precondition-failed',
  },
  {
    remark: 'V24 before Range is looked at',
    conditions: { ifNoneMatch: own, range: 'bytes=0-9' },
    expected: 'not-modified',
  },
  {
    remark: 'V24 before an unsatisfiable Range',
    conditions: { ifNoneMatch: own, range: 'bytes=5000-' },
    expected: 'not-modified',
  },
  {
    remark: '§13.1.2 no entity tag known',
    conditions: { ifNoneMatch: own },
    validators: dateOnly,
    expected: 'proceed',
  },
  {
    remark: '§13.1.2 malformed matches nothing',
    conditions: { ifNoneMatch: '"e", x' },
    expected: 'proceed',
  },
  { remark: '§13.1.2 without quotes', conditions: { ifNoneMatch: 'e' }, expected: 'proceed' },
  {
    remark: '§13.1.2 * and a tag is malformed',
    conditions: { ifNoneMatch: '*, "e"' },
    expected: 'proceed',
  },
  { remark: '§13.1.2 empty list', conditions: { ifNoneMatch: '' }, expected: 'proceed' },
  {
    remark: '§13.1.2 a comma does not end a tag',
    conditions: { ifNoneMatch: '"x,", "e,y"' },
    expected: 'proceed',
  },
  {
    remark: '§13.2.2 after If-Match held',
    conditions: { ifMatch: own, ifNoneMatch: own },
    expected: 'not-modified',
  },
  {
    remark: '§13.2.2 not after If-Match failed',
    conditions: { ifMatch: other, ifNoneMatch: own },
    expected: 'precondition-failed',
  },
  {
    remark: '§13.2.2 not after If-Unmodified-Since failed',
    conditions: { ifUnmodifiedSince: earlier, ifNoneMatch: own },
    expected: 'precondition-failed',
  },

  // Step 4: If-Modified-Since, §13.1.3.
  {
    remark: '§13.1.3 not modified after the date',
    conditions: { ifModifiedSince: modified },
    expected: 'not-modified',
  },
  {
    remark: '§13.1.3 HEAD',
    method: 'HEAD',
    conditions: { ifModifiedSince: modified },
    expected: 'not-modified',
  },
  {
    remark: '§13.1.3 a later date',
    conditions: { ifModifiedSince: later },
    expected: 'not-modified',
  },
  {
    remark: '§13.1.3 a date in the future',
    conditions: { ifModifiedSince: 'Fri, 01 Jan 2100 00:00:00 GMT' },
    expected: 'not-modified',
  },
  {
    remark: '§13.1.3 modified after the date',
    conditions: { ifModifiedSince: earlier },
    expected: 'proceed',
  },
  {
    remark: '§13.1.3 same second, with milliseconds',
    conditions: { ifModifiedSince: modified },
    validators: { lastModified: lastModified + 999 },
    expected: 'not-modified',
  },
  {
    remark: '§13.1.3 a second later',
    conditions: { ifModifiedSince: modified },
    validators: { lastModified: lastModified + 1000 },
    expected: 'proceed',
  },
  {
    remark: '§13.1.3 before 1970, with milliseconds',
    conditions: { ifModifiedSince: 'Wed, 31 Dec 1969 23:59:59 GMT' },
    validators: { lastModified: -1 },
    expected: 'not-modified',
  },
  { remark: 'V30 asctime', conditions: { ifModifiedSince: asctime }, expected: 'not-modified' },
  { remark: 'V30 rfc850', conditions: { ifModifiedSince: rfc850 }, expected: 'not-modified' },
  { remark: 'V29 ISO date', conditions: { ifModifiedSince: '2030-01-01' }, expected: 'proceed' },
  { remark: 'V29 number', conditions: { ifModifiedSince: '5000' }, expected: 'proceed' },
  {
    remark: '§13.1.3 two members',
    conditions: { ifModifiedSince: `${modified}, ${modified}` },
    expected: 'proceed',
  },
  { remark: '§13.1.3 empty', conditions: { ifModifiedSince: '' }, expected: 'proceed' },
  {
    remark: '§13.1.3 no modification date',
    conditions: { ifModifiedSince: later },
    validators: tagOnly,
    expected: 'proceed',
  },
  {
    remark: '§13.1.3 ignored on other methods',
    method: 'POST',
    conditions: { ifModifiedSince: later },
    expected: 'proceed',
  },
  {
    remark: 'V18 ignored beside If-None-Match, which is true',
    conditions: { ifNoneMatch: other, ifModifiedSince: later },
    expected: 'proceed',
  },
  {
    remark: 'V18 ignored beside If-None-Match, which is false',
    conditions: { ifNoneMatch: own, ifModifiedSince: earlier },
    expected: 'not-modified',
  },
  {
    remark: '§13.1.3 ignored beside a malformed If-None-Match',
    conditions: { ifNoneMatch: 'e', ifModifiedSince: later },
    expected: 'proceed',
  },
  {
    remark: '§13.1.3 ignored beside an empty If-None-Match',
    conditions: { ifNoneMatch: '', ifModifiedSince: later },
    expected: 'proceed',
  },
  {
    remark: '§13.1.3 ignored although no entity tag is known',
    conditions: { ifNoneMatch: own, ifModifiedSince: later },
    validators: dateOnly,
    expected: 'proceed',
  },
  {
    remark: '§13.2.2 after If-Unmodified-Since held',
    conditions: { ifUnmodifiedSince: later, ifModifiedSince: later },
    expected: 'not-modified',
  },
  {
    remark: '§13.2.2 after If-Match held',
    conditions: { ifMatch: own, ifModifiedSince: later },
    expected: 'not-modified',
  },

  // §13.2.1: methods that select no representation.
  ...['CONNECT', 'OPTIONS', 'TRACE'].map((method) => ({
    remark: '§13.2.1 ignored',
    method,
    conditions: { ifMatch: other, ifNoneMatch: '*' },
    expected: 'proceed' as const,
  })),
];

export interface IfRangeRow {
  readonly remark: string;
  readonly ifRange: string | undefined;
  /** Default: a strong entity tag and a modification date. */
  readonly validators?: Validators;
  /** Milliseconds since the epoch; default long after the modification. */
  readonly now?: number;
  readonly expected: boolean;
}

export const defaultValidators: Validators = both;

export const ifRangeRows: readonly IfRangeRow[] = [
  { remark: '§13.1.5 absent', ifRange: undefined, expected: true },
  {
    remark: '§13.1.5 absent, no validators',
    ifRange: undefined,
    validators: neither,
    expected: true,
  },
  { remark: '§13.1.5 own tag', ifRange: own, expected: true },
  { remark: 'V14 weak form of the own tag', ifRange: ownWeak, expected: false },
  { remark: 'V14 own tag is weak', ifRange: ownWeak, validators: weakly, expected: false },
  {
    remark: 'V14 own tag is weak, strong form sent',
    ifRange: own,
    validators: weakly,
    expected: false,
  },
  { remark: 'V15 another tag', ifRange: other, expected: false },
  { remark: 'V16 a list', ifRange: '"zzz", "e"', expected: false },
  { remark: 'V16 a list, own tag first', ifRange: '"e", "zzz"', expected: false },
  { remark: '§13.1.5 * is no entity tag', ifRange: '*', expected: false },
  { remark: '§13.1.5 without quotes', ifRange: 'e', expected: false },
  { remark: '§13.1.5 own tag within text', ifRange: 'x"e"', expected: false },
  { remark: '§13.1.5 empty', ifRange: '', expected: false },
  { remark: '§13.1.5 no entity tag known', ifRange: own, validators: dateOnly, expected: false },
  { remark: '§13.1.5 exact date', ifRange: modified, expected: true },
  {
    remark: '§13.1.5 exact date beside a weak tag',
    ifRange: modified,
    validators: weakly,
    expected: true,
  },
  { remark: 'V17 date 100 s later', ifRange: muchLater, expected: false },
  { remark: 'V17 date one second later', ifRange: later, expected: false },
  { remark: '§13.1.5 date one second earlier', ifRange: earlier, expected: false },
  { remark: '§13.1.5 exact date as asctime', ifRange: asctime, expected: true },
  { remark: '§13.1.5 exact date as rfc850', ifRange: rfc850, expected: true },
  { remark: '§13.1.5 ISO date', ifRange: '1994-11-06T08:49:37Z', expected: false },
  {
    remark: '§13.1.5 no modification date',
    ifRange: modified,
    validators: tagOnly,
    expected: false,
  },
  { remark: '§13.1.5 no validators', ifRange: modified, validators: neither, expected: false },
  {
    remark: '§5.6.7 milliseconds do not matter',
    ifRange: modified,
    validators: { lastModified: lastModified + 999 },
    expected: true,
  },
  {
    remark: '§8.8.2.2 modified in this second',
    ifRange: modified,
    now: lastModified + 999,
    expected: false,
  },
  {
    remark: '§8.8.2.2 modified in this very moment',
    ifRange: modified,
    now: lastModified,
    expected: false,
  },
  {
    remark: '§8.8.2.2 modified in the second before',
    ifRange: modified,
    now: lastModified + 1000,
    expected: true,
  },
  {
    remark: '§8.8.2.2 modified late in the second before',
    ifRange: modified,
    validators: { lastModified: lastModified + 999 },
    now: lastModified + 1000,
    expected: true,
  },
  {
    remark: '§8.8.2.2 modified in the future',
    ifRange: modified,
    now: lastModified - 5000,
    expected: false,
  },
  { remark: '§8.8.2.2 a tag is strong at once', ifRange: own, now: lastModified, expected: true },
];
