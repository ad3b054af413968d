import { formatContentRange } from '@sluice/core/http';

import type { OpenedFacts, FileWindow, HeaderLines, Piece, Reply } from './model.ts';

/** How a server writes a 206. */
export interface RangeStyle {
  /** Headers of the whole answer; where a multipart has another Content-Type, it takes its place. */
  readonly headers: HeaderLines;
  /** The media type of the file. */
  readonly type: string | undefined;
  readonly boundary: string;
  /** Header lines of a part, each with its line break. */
  partHead(range: string, type: string | undefined): string;
  /** What stands before the first delimiter: a line break, or nothing. */
  readonly before: '' | '\r\n';
}

/** Answers with one range, or with several as multipart/byteranges (RFC 9110 §15.3.7). */
export function rangeReply(
  windows: readonly FileWindow[],
  { size }: Pick<OpenedFacts, 'size'>,
  style: RangeStyle,
): Reply {
  const [only, ...others] = windows;
  if (only !== undefined && others.length === 0) {
    const range: HeaderLines = [['Content-Range', formatContentRange(only, size)]];
    return { status: 206, headers: [...style.headers, ...range], body: [only] };
  }
  const { boundary, before, type } = style;
  const body = windows.flatMap((window, index): readonly Piece[] => {
    const head = style.partHead(formatContentRange(window, size), type);
    return [`${index === 0 ? before : '\r\n'}--${boundary}\r\n${head}\r\n`, window];
  });
  return {
    status: 206,
    headers: [
      ...style.headers.filter(([name]) => name.toLowerCase() !== 'content-type'),
      ['Content-Type', `multipart/byteranges; boundary=${boundary}`],
    ],
    body: [...body, `\r\n--${boundary}--\r\n`],
  };
}

/** The whole file. */
export function whole({ size }: Pick<OpenedFacts, 'size'>): readonly Piece[] {
  return size === 0 ? [] : [{ first: 0, last: size - 1 }];
}

/** A page that says its status and nothing of what happened. */
export function pageText(status: number): string {
  return `${status} ${REASONS[status] ?? 'Error'}\n`;
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  412: 'Precondition Failed',
  416: 'Range Not Satisfiable',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
};
