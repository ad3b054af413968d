/**
 * Gives the media type that a server has for an extension, where the application sent none.
 *
 * The tables of real servers are longer, and each distribution has its own: an application should
 * always send a type, as Sluice does.
 */
export function mediaTypeOf(
  path: string,
  types: Readonly<Record<string, string>>,
  fallback = 'application/octet-stream',
): string {
  const extension = /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  return (Object.hasOwn(types, extension) && types[extension]) || fallback;
}

/** Those that every standalone configuration has. */
export const PRINTED_TYPES: Readonly<Record<string, string>> = {
  css: 'text/css',
  html: 'text/html',
  js: 'text/javascript',
  png: 'image/png',
  svg: 'image/svg+xml',
};
