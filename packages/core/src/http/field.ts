// RFC 9110 §5.6.2: tchar.
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Tells whether a string is a field name, that is a token of at least one character
 * (RFC 9110 §5.1).
 */
export function isFieldName(name: string): boolean {
  return TOKEN.test(name);
}

/**
 * Tells whether a string can be sent as a field value and arrive as it is: visible ASCII with
 * spaces and tabs between, or empty (RFC 9110 §5.5).
 *
 * Stricter than the RFC in one point: obs-text (0x80–0xFF) is refused, because Node writes it as
 * Latin-1 or as UTF-8 depending on whether a text body follows in the same write.
 */
export function isFieldValue(value: string): boolean {
  return !/[^\t\x20-\x7e]/.test(value) && trimWhitespace(value) === value;
}

/**
 * Removes optional whitespace, SP and HTAB and nothing else, from both ends (RFC 9110 §5.6.3).
 *
 * `String.prototype.trim` would also remove line breaks and Unicode spaces, and so accept what the
 * grammar refuses. Linear, whatever the input.
 */
export function trimWhitespace(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isWhitespace(value.charCodeAt(start))) start += 1;
  while (end > start && isWhitespace(value.charCodeAt(end - 1))) end -= 1;
  return value.slice(start, end);
}

function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
