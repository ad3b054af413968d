import type { AppAnswer, ClientRequest, HeaderLine, HeaderLines } from './model.ts';

/** Gives the first line with a name, which is in lower case. */
export function first(headers: HeaderLines, name: string): string | undefined {
  return headers.find((line) => line[0].toLowerCase() === name)?.[1];
}

/** Gives all lines with a name, joined as a list (RFC 9110 §5.3). */
export function joined(headers: HeaderLines, name: string, by = ', '): string | undefined {
  const values = headers.filter((line) => line[0].toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(by);
}

/** Tells whether there is a line with a name, which is in lower case. */
export function has(headers: HeaderLines, name: string): boolean {
  return first(headers, name) !== undefined;
}

/** Leaves out all lines with one of the names, which are in lower case. */
export function without(headers: HeaderLines, ...names: readonly string[]): HeaderLines {
  return headers.filter(([name]) => !names.includes(name.toLowerCase()));
}

/** Leaves only the lines with one of the names, which are in lower case. */
export function only(headers: HeaderLines, names: Iterable<string>): HeaderLines {
  const kept = new Set(names);
  return headers.filter(([name]) => kept.has(name.toLowerCase()));
}

/** Pairs up the raw headers of Node. */
export function linesOf(raw: readonly string[]): HeaderLines {
  return Array.from({ length: raw.length / 2 }, (_, index): HeaderLine => {
    const [name = '', value = ''] = raw.slice(index * 2, index * 2 + 2);
    return [name, value];
  });
}

/** Leaves out what belongs to one connection (RFC 9110 §7.6.1). */
export function endToEnd(headers: HeaderLines): HeaderLines {
  const listed = (joined(headers, 'connection') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase());
  return without(headers, ...HOP_BY_HOP, ...listed);
}

/** What most servers tell the application of the client, in place of what the client told. */
export function forwarded({ headers }: ClientRequest, client: string): HeaderLines {
  return [
    ['X-Forwarded-For', client],
    ['X-Forwarded-Host', first(headers, 'host') ?? ''],
    ['X-Forwarded-Proto', 'http'],
  ];
}

/** The length of an answer that is passed on, where it has a body. */
export function passedLength({ status, headers }: AppAnswer): HeaderLines {
  const length = first(headers, 'content-length');
  return length === undefined || status === 204 || status === 304
    ? []
    : [['Content-Length', length]];
}

/** Bytes of the head of an answer. */
export function headLength({ reason, headers }: AppAnswer): number {
  const statusLine = `HTTP/1.1 200 ${reason}\r\n`.length;
  return headers.reduce((sum, line) => sum + lineLength(line), statusLine + 2);
}

/** Bytes of a header line with its line break. */
export function lineLength([name, value]: HeaderLine): number {
  return name.length + value.length + ': \r\n'.length;
}

/** Tells whether an answer has a body of at most so many bytes, and says so. */
export function isShort({ headers }: AppAnswer, most: number): boolean {
  const length = Number(first(headers, 'content-length') ?? 0);
  return length > 0 && length <= most;
}

const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
