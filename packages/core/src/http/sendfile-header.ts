/**
 * Tells whether a response header is an order to a front server: to send another file in place of
 * the body (`X-Accel-Redirect` of nginx, `X-Sendfile` of Apache and lighttpd, `X-LIGHTTPD-send-file`,
 * `X-LiteSpeed-Location`, `X-Reproxy-URL` of H2O), or how to send it
 * (`X-Accel-Limit-Rate`, `X-LIGHTTPD-KBytes-per-second`).
 *
 * Whoever can set one can have any file that the front server reads. The case does not matter.
 */
export function isSendfileHeader(name: string): boolean {
  return SENDFILE_HEADER.test(name);
}

const SENDFILE_HEADER =
  /^(?:x-accel-.*|x-sendfile.*|x-lighttpd-.*|x-litespeed-location|x-reproxy-url)$/i;
