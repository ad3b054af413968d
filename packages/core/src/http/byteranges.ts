import { formatContentRange, type ByteRange } from './range.ts';

/** What the parts of a multipart/byteranges body have in common. */
export interface ByterangesOptions {
  /**
   * Delimiter between the parts: 1 to 70 letters, digits or `'+_.-`. Must not occur in the object;
   * random characters make sure of that.
   */
  readonly boundary: string;
  /** Media type of the object; must pass `isMediaType`. Without it the parts carry none. */
  readonly contentType?: string | undefined;
  /** Length of the whole object in bytes. */
  readonly completeLength: number;
}

/** A part: the text to send before its bytes, and which bytes. */
export interface BytePart {
  readonly head: string;
  readonly range: ByteRange;
}

/** A framed body: every `head` followed by its bytes, then `tail`. All text is ASCII. */
export interface FramedByteranges {
  /** Value of Content-Type for the answer. */
  readonly contentType: string;
  /** Exact length of the body in bytes. */
  readonly contentLength: number;
  readonly parts: readonly BytePart[];
  readonly tail: string;
}

/**
 * Frames several ranges of one object as a multipart/byteranges body (RFC 9110 §14.6).
 *
 * Meant for two ranges or more: §15.3.7.2 forbids the multipart form when only one was asked for.
 *
 * @throws TypeError if `boundary` could not stand unquoted in Content-Type.
 */
export function frameByteranges(
  ranges: readonly ByteRange[],
  options: ByterangesOptions,
): FramedByteranges {
  const { boundary, contentType, completeLength } = options;
  // RFC 2046 §5.1.1: bchars, here only those that are token characters as well.
  if (!/^[0-9A-Za-z'+_.-]{1,70}$/.test(boundary)) {
    throw new TypeError(
      `frameByteranges: boundary must be 1 to 70 characters of a token, got ${JSON.stringify(boundary)}`,
    );
  }
  const type = contentType === undefined ? '' : `Content-Type: ${contentType}\r\n`;
  const parts = ranges.map((range, index) => {
    // RFC 2046 §5.1.1: the line break before a delimiter belongs to it; the first one needs none.
    const lineBreak = index === 0 ? '' : '\r\n';
    const contentRange = `Content-Range: ${formatContentRange(range, completeLength)}\r\n`;
    return { head: `${lineBreak}--${boundary}\r\n${type}${contentRange}\r\n`, range };
  });
  const tail = `\r\n--${boundary}--\r\n`;
  const contentLength = parts.reduce(
    (sum, { head, range }) => sum + head.length + (range.last - range.first + 1),
    tail.length,
  );
  return { contentType: `multipart/byteranges; boundary=${boundary}`, contentLength, parts, tail };
}
