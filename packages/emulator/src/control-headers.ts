/** Request headers that every printed configuration takes away. In lower case. */
export const CONTROL_REQUEST_HEADERS: ReadonlySet<string> = new Set([
  'x-accel-redirect',
  'x-accel-mapping',
  'x-accel-limit-rate',
  'x-accel-buffering',
  'x-accel-charset',
  'x-accel-expires',
  'x-sendfile',
  'x-sendfile-type',
  'x-sendfile-temporary',
  'x-sendfile2',
  'x-lighttpd-send-file',
  'x-lighttpd-kbytes-per-second',
  'x-litespeed-location',
  'x-reproxy-url',
]);

/** Response headers that every printed configuration takes away. In lower case. */
export const CONTROL_RESPONSE_HEADERS: readonly string[] = [
  'x-accel-redirect',
  'x-accel-mapping',
  'x-sendfile',
  'x-sendfile-type',
  'x-sendfile-temporary',
  'x-sendfile2',
  'x-lighttpd-send-file',
  'x-lighttpd-kbytes-per-second',
  'x-litespeed-location',
  'x-reproxy-url',
];
