import { formatContentDisposition, isSendfileHeader } from '@sluice/core/http';

import { type Answer, field } from './client.ts';
import { type Fixture, MARK, type StoredFile } from './fixture.ts';
import type { Habits } from './habits.ts';

/** The first and the last byte of a range, both sent. */
export type Span = readonly [first: number, last: number];

/** What an answer must be. All that holds of every answer is checked besides. */
export interface Expected {
  readonly status: number;
  /** `all` bytes; or one range, or several as multipart. */
  readonly sends?: 'all' | readonly Span[];
  /** To HEAD: the headers of what would be sent, and no byte of it. */
  readonly bodiless?: true;
  /** Of a 416; `undefined` means that there is none. */
  readonly contentRange?: string | undefined;
}

/** Who answers, with what. */
export interface Asked {
  readonly habits: Habits;
  readonly fixture: Fixture;
  readonly file: StoredFile;
  /** Further headers that must come, once each. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Says what is wrong with an answer; nothing where it is as it must be. */
export function faultsOf(answer: Answer, expected: Expected, asked: Asked): readonly string[] {
  const { status } = answer;
  if (status !== expected.status) return [`status ${status} in place of ${expected.status}`];
  return [
    ...leaksOf(answer, asked.fixture),
    ...SINGLE.filter(
      (name) => answer.headers.filter((header) => header[0] === name).length > 1,
    ).map((name) => `${name} comes twice: ${field(answer, name)}`),
    ...(answer.complete ? [] : ['the body does not end where it was announced to end']),
    ...(expected.sends === undefined ? [] : headerFaults(answer, expected, asked)),
    ...bodyFaults(answer, expected, asked),
    ...(status === 304 ? notModifiedFaults(answer, asked) : []),
  ];
}

/** Says what of the inside of the deployment an answer shows. */
export function leaksOf(answer: Answer, fixture: Pick<Fixture, 'secrets'>): readonly string[] {
  const { status, headers, body } = answer;
  const orders = headers.filter(([name]) => isSendfileHeader(name)).map(([name]) => name);
  const text = headers.map(([name, value]) => `${name}: ${value}`).join('\n');
  const page = status === 200 || status === 206 ? '' : body.toString('latin1');
  const secrets = [...fixture.secrets, '/_sluice', 'sluice.internal', MARK];
  return [
    ...orders.map((name) => `the header ${name} is shown`),
    ...secrets.filter((secret) => text.includes(secret)).map((secret) => `a header has ${secret}`),
    ...secrets.filter((secret) => page.includes(secret)).map((secret) => `the page has ${secret}`),
  ];
}

/** Headers that come at most once, of whatever answer. */
const SINGLE = [
  'accept-ranges',
  'content-disposition',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cache-control',
  'date',
  'etag',
  'last-modified',
  'x-content-type-options',
];

function headerFaults(answer: Answer, { sends }: Expected, asked: Asked): readonly string[] {
  const { habits, fixture, file, headers } = asked;
  const isMultipart = Array.isArray(sends) && sends.length > 1;
  const required: Readonly<Record<string, string>> = {
    'cache-control': 'private, no-cache, no-transform',
    'content-disposition': dispositionOf(file),
    'content-type': isMultipart ? (field(answer, 'content-type') ?? 'a type') : file.type,
    ...fixture.validatorsOf(file.key, habits),
    'x-content-type-options': 'nosniff',
    ...(answer.status === 200 && { 'accept-ranges': 'bytes' }),
    ...headers,
  };
  return Object.entries(required)
    .filter(([name, value]) => field(answer, name) !== value)
    .map(([name, value]) => `${name} is ${field(answer, name)}, not ${value}`);
}

function dispositionOf({ key, type }: StoredFile): string {
  const isInline = key.startsWith('inline/') || /^(?:image\/jpeg|video\/|text\/plain)/.test(type);
  return formatContentDisposition(
    isInline ? 'inline' : 'attachment',
    key.slice(key.lastIndexOf('/') + 1),
  );
}

function bodyFaults(answer: Answer, expected: Expected, asked: Asked): readonly string[] {
  const { sends, contentRange } = expected;
  const { bytes } = asked.file;
  const shown = field(answer, 'content-range');
  if (sends === undefined) {
    return shown === contentRange ? [] : [`content-range is ${shown}, not ${contentRange}`];
  }
  const body = expected.bodiless === true ? undefined : answer.body;
  if (sends === 'all') {
    return [
      ...lengthFaults(answer, bytes.length),
      ...(shown === undefined ? [] : [`a 200 with content-range ${shown}`]),
      ...(body?.equals(bytes) === false ? ['the bytes are not those of the file'] : []),
    ];
  }
  if (sends.length > 1) return partsFaults(answer, sends, asked.file);
  const [first, last] = sends[0]!;
  const wanted = `bytes ${first}-${last}/${bytes.length}`;
  return [
    ...lengthFaults(answer, last - first + 1),
    ...(shown === wanted ? [] : [`content-range is ${shown}, not ${wanted}`]),
    ...(body?.equals(bytes.subarray(first, last + 1)) === false
      ? ['the bytes are not those of the range']
      : []),
  ];
}

function lengthFaults(answer: Answer, length: number): readonly string[] {
  const shown = field(answer, 'content-length');
  return shown === String(length) ? [] : [`content-length is ${shown}, not ${length}`];
}

/** One part of a multipart body, as RFC 9110 §14.6 frames it. */
interface Part {
  readonly range: string;
  readonly type: string;
  readonly bytes: Buffer;
}

function partsFaults(
  answer: Answer,
  spans: readonly Span[],
  { bytes, type }: StoredFile,
): readonly string[] {
  const parts = partsOf(answer);
  if (parts === undefined) return ['the body is not multipart/byteranges'];
  const wanted = spans.map(([first, last]) => `bytes ${first}-${last}/${bytes.length}`);
  const shown = parts.map((part) => part.range);
  if (wanted.join() !== shown.join()) return [`parts are ${shown.join()}, not ${wanted.join()}`];
  return [
    ...lengthFaults(answer, answer.body.length),
    ...parts.filter((part) => part.type !== type).map((part) => `a part is of type ${part.type}`),
    ...parts.flatMap((part, index) => {
      const [first, last] = spans[index]!;
      return part.bytes.equals(bytes.subarray(first, last + 1))
        ? []
        : [`the bytes of part ${index} are not those of the range`];
    }),
  ];
}

function partsOf(answer: Answer): readonly Part[] | undefined {
  const boundary = /^multipart\/byteranges; ?boundary="?([^";]+)"?$/.exec(
    field(answer, 'content-type') ?? '',
  )?.[1];
  if (boundary === undefined) return undefined;
  // The preamble may be an empty line or nothing (RFC 2046 §5.1.1).
  const text = answer.body.toString('latin1');
  const pieces = `\r\n${text}`.split(`\r\n--${boundary}`);
  if (!/^--(?:\r\n)?$/.test(pieces.at(-1) ?? '')) return undefined;
  return pieces.slice(1, -1).map((piece) => {
    const end = piece.indexOf('\r\n\r\n');
    const head = piece.slice(0, end);
    return {
      range: /\r\ncontent-range: *(.*)/i.exec(head)?.[1] ?? '',
      type: /\r\ncontent-type: *(.*)/i.exec(head)?.[1] ?? '',
      bytes: Buffer.from(piece.slice(end + 4), 'latin1'),
    };
  });
}

function notModifiedFaults(answer: Answer, { habits, fixture, file }: Asked): readonly string[] {
  const wanted = {
    'cache-control': 'private, no-cache, no-transform',
    etag: fixture.validatorsOf(file.key, habits).etag,
  };
  return Object.entries(wanted)
    .filter(([name, value]) => field(answer, name) !== value)
    .map(([name, value]) => `${name} of the 304 is ${field(answer, name)}, not ${value}`);
}
