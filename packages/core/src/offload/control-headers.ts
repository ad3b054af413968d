/**
 * Response headers that order a file from some server, as they are usually written. The server that
 * is in charge takes its own; the others would show paths to the client, so that every printed
 * configuration takes them away.
 */
export const CONTROL_RESPONSE_HEADERS: readonly string[] = Object.freeze([
  'X-Accel-Redirect',
  'X-Accel-Mapping',
  'X-Sendfile',
  'X-Sendfile-Type',
  'X-Sendfile-Temporary',
  'X-Sendfile2',
  'X-LIGHTTPD-send-file',
  'X-LIGHTTPD-KBytes-per-second',
  'X-LiteSpeed-Location',
  'X-Reproxy-URL',
]);

/**
 * Request headers that nobody but an old application reads, and that tell it to what server, and
 * where, it shall hand files over. They are of no use to a client, and were of use to attackers
 * (CVE-2025-61780, Rack::Sendfile). Sluice reads none of them; other software behind the same server
 * may, so that every printed configuration takes them away.
 */
export const CONTROL_REQUEST_HEADERS: readonly string[] = Object.freeze([
  ...CONTROL_RESPONSE_HEADERS,
  'X-Accel-Limit-Rate',
  'X-Accel-Buffering',
  'X-Accel-Charset',
  'X-Accel-Expires',
]);
