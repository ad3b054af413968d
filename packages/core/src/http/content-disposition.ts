// What common file systems allow for one name.
const MAX_NAME_BYTES = 255;

// Longer than this it is not an extension but a dot in a sentence.
const MAX_EXTENSION_BYTES = 32;

const encoder = new TextEncoder();

/**
 * Formats Content-Disposition for any file name whatsoever: the result is ASCII, well-formed and
 * the same for the same name (RFC 6266 §4, RFC 8187 §3.2).
 *
 * Of the name remains the part after the last `/` or `\`, without control characters, bidirectional
 * controls (`gpj.exe` must not read as `exe.jpg`) and outer whitespace, at most 255 bytes of UTF-8
 * with the extension kept. Tabs and line breaks become a space, a lone surrogate becomes U+FFFD. If
 * nothing remains, or only `.` or `..`, no name is sent.
 *
 * Not done here: judging the extension. A name that an attacker chose can still end in `.exe`.
 */
export function formatContentDisposition(type: 'inline' | 'attachment', filename?: string): string {
  const name = filename === undefined ? undefined : toSafeName(filename);
  if (name === undefined) return type;
  const fallback = toFallback(name);
  const disposition = `${type}; filename="${fallback}"`;
  // Browsers decode `%41` in filename, so every name with `%` is also sent in the exact form. RFC
  // 6266 appendix D: filename goes first, some recipients read only what comes first.
  const isPlain = fallback === name && !name.includes('%');
  return isPlain ? disposition : `${disposition}; filename*=UTF-8''${toExtendedValue(name)}`;
}

function toSafeName(filename: string): string | undefined {
  const lastSeparator = Math.max(filename.lastIndexOf('/'), filename.lastIndexOf('\\'));
  const name = filename
    .slice(lastSeparator + 1)
    .toWellFormed()
    .replaceAll(/[\t\n\v\f\r\u0085\u2028\u2029]+/gu, ' ')
    .replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '')
    .trim();
  const bounded = boundName(name);
  return bounded === '' || bounded === '.' || bounded === '..' ? undefined : bounded;
}

function boundName(name: string): string {
  if (cutToBytes(name, MAX_NAME_BYTES) === name) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 ? name.slice(dot) : '';
  const extensionBytes = encoder.encode(extension).length;
  if (extensionBytes > MAX_EXTENSION_BYTES) return cutToBytes(name, MAX_NAME_BYTES).trimEnd();
  const stem = name.slice(0, name.length - extension.length);
  return cutToBytes(stem, MAX_NAME_BYTES - extensionBytes).trimEnd() + extension;
}

/** Cuts to at most `limit` bytes of UTF-8, between code points. */
function cutToBytes(text: string, limit: number): string {
  const { read } = encoder.encodeInto(text, new Uint8Array(limit));
  return text.slice(0, read);
}

/**
 * The name for recipients that do not know `filename*`: printable ASCII that needs no escape.
 *
 * RFC 6266 appendix D advises against a backslash escape and against `%` with two hex digits, as
 * recipients disagree on both; `=?` starts an encoded word, which browsers decode as in mail. The
 * replacement is `_`, not `?`, which Windows does not allow in a name.
 *
 * No `i` flag: together with `u` it counts U+017F and U+212A among the ASCII letters.
 */
function toFallback(name: string): string {
  return name.replaceAll(/[^\x20-\x7e]|["\\]|%(?=[0-9A-Fa-f]{2})|(?<==)\?/gu, '_');
}

/** RFC 8187 §3.2.1: value-chars, everything but attr-char percent-encoded. */
function toExtendedValue(name: string): string {
  return encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
