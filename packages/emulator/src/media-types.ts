/**
 * The media type that a server gives a file by its extension, where the application sent none. The
 * tables of real servers differ and are longer: an application should always send one.
 */
export function mediaTypeOf(name: string, fallback = 'application/octet-stream'): string {
  const extension = /\.([^./?]+)$/.exec(name)?.[1];
  return (extension !== undefined && TYPES[extension.toLowerCase()]) || fallback;
}

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css',
  html: 'text/html',
  js: 'text/javascript',
  png: 'image/png',
  svg: 'image/svg+xml',
};
