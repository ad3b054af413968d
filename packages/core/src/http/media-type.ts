const PASSIVE_TYPES: ReadonlySet<string> = new Set([
  'image/apng',
  'image/avif',
  'image/bmp',
  'image/gif',
  'image/heic',
  'image/heif',
  'image/jpeg',
  'image/jpg',
  'image/jxl',
  'image/png',
  'image/tiff',
  'image/vnd.microsoft.icon',
  'image/webp',
  'image/x-icon',
  'text/plain',
]);

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED_STRING = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\t\\x20-\\x7e])*"';

// Whitespace is taken before a semicolon or before a parameter, never by two loops that meet, so
// that a value that fails at its end is not tried again in every division.
const MEDIA_TYPE = new RegExp(
  `^${TOKEN}/${TOKEN}(?:[\\t ]*;(?:[\\t ]*${TOKEN}=(?:${TOKEN}|${QUOTED_STRING}))?)*$`,
);

/**
 * Tells whether a value is a media type with well-formed parameters, in ASCII and without
 * whitespace around it (RFC 9110 §8.3.1, §5.6.6).
 */
export function isMediaType(value: string): boolean {
  return MEDIA_TYPE.test(value);
}

/**
 * Tells whether a browser may show this type inline without running anything in it: raster images,
 * audio, video, plain text.
 *
 * A list of what is safe, not of what is dangerous: HTML, SVG, XML and PDF carry scripts, and so may
 * a type that nobody has thought of. Case and parameters do not matter (RFC 9110 §8.3.1); a
 * malformed type is not passive. Holds only together with `X-Content-Type-Options: nosniff`.
 */
export function isPassiveMediaType(contentType: string): boolean {
  if (!isMediaType(contentType)) return false;
  const [essence = ''] = contentType.toLowerCase().split(/[\t ;]/, 1);
  return /^(?:audio|video)\//.test(essence) || PASSIVE_TYPES.has(essence);
}
