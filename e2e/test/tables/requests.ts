import { formatContentDisposition } from '@sluice/core/http';

import { NAMED } from '../../src/app.ts';
import type { Habits } from '../../src/habits.ts';

/** An object with headers that must reach the client. */
export interface HeaderCase {
  readonly title: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Servers that cannot carry one of them. */
  readonly streamedBy?: readonly Habits[];
}

const SANDBOX = "sandbox; default-src 'none'";

export const HEADER_CASES: readonly HeaderCase[] = [
  { title: 'type, disposition, caching and nosniff', key: 'plain.txt', headers: {} },
  { title: 'an attachment', key: 'data.zip', headers: {} },
  { title: 'a picture', key: 'photo.jpg', headers: {} },
  { title: 'a page as an attachment', key: 'page.html', headers: {}, streamedBy: ['h2o'] },
  {
    title: 'the sandbox of a page that is shown',
    key: 'inline/page.html',
    headers: {
      'content-security-policy': SANDBOX,
      'cross-origin-resource-policy': 'same-origin',
    },
    streamedBy: ['h2o'],
  },
  {
    title: 'the sandbox of a drawing that is shown',
    key: 'inline/drawing.svg',
    headers: {
      'content-security-policy': SANDBOX,
      'cross-origin-resource-policy': 'same-origin',
    },
    streamedBy: ['h2o'],
  },
  {
    title: 'the sandbox of a document that is shown',
    key: 'inline/paper.pdf',
    headers: {
      'content-security-policy': SANDBOX,
      'cross-origin-resource-policy': 'same-origin',
    },
  },
  {
    title: 'a name to save under, and caching that the policy chose',
    key: 'named/a.pdf',
    headers: {
      'content-disposition': formatContentDisposition('attachment', NAMED),
      'cache-control': 'public, max-age=60, no-transform',
    },
  },
  {
    title: 'a media type that the extension does not name',
    key: 'typed/a.txt',
    headers: {},
    streamedBy: ['h2o'],
  },
  { title: 'Vary', key: 'varied/a.txt', headers: { vary: 'Cookie' } },
  {
    title: 'Content-Language and Referrer-Policy',
    key: 'headers/a.txt',
    headers: { 'content-language': 'en', 'referrer-policy': 'no-referrer' },
  },
  {
    title: 'a header of the application’s own',
    key: 'custom/a.txt',
    headers: { 'x-custom': 'one, "two"; three=%41&?#' },
    streamedBy: ['nginx'],
  },
  {
    title: 'an entity tag that the policy chose',
    key: 'tagged/a.txt',
    headers: { etag: '"chosen-by-the-policy"' },
    streamedBy: ['nginx', 'caddy', 'h2o'],
  },
];

/** A target that names no object that may be sent. */
export interface Target {
  readonly title: string;
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const CONFUSED_TARGETS: readonly Target[] = [
  { title: 'the prefix', target: '/files/' },
  { title: 'a folder', target: '/files/folder' },
  { title: 'a folder with a slash', target: '/files/folder/' },
  { title: 'a folder named like a file', target: '/files/folder.txt' },
  { title: 'an object with a slash', target: '/files/plain.txt/' },
  { title: 'what would lie below an object', target: '/files/plain.txt/index.html' },
  { title: 'a link out of the root', target: '/files/link-out.txt' },
  { title: 'a link within the root', target: '/files/link-in.txt' },
  { title: 'a folder that is a link', target: '/files/link-up/outside.txt' },
  { title: 'a link back into the root', target: '/files/link-up/files/plain.txt' },
  { title: 'a FIFO', target: '/files/pipe.txt' },
  { title: 'a traversal', target: '/files/../outside.txt' },
  { title: 'a traversal within', target: '/files/folder/../plain.txt/../../outside.txt' },
  { title: 'an escaped traversal', target: '/files/%2e%2e/outside.txt' },
  { title: 'a traversal with an escaped slash', target: '/files/..%2foutside.txt' },
  { title: 'a traversal that is escaped twice', target: '/files/%252e%252e%252foutside.txt' },
  { title: 'a traversal with a backslash', target: '/files/..%5coutside.txt' },
  { title: 'a traversal into a sibling', target: '/files/%2e%2e/files-secret/a.txt' },
  { title: 'an overlong dot', target: '/files/%c0%ae%c0%ae/outside.txt' },
  { title: 'an absolute path', target: '/files//etc/passwd' },
  { title: 'an escaped absolute path', target: '/files/%2fetc%2fpasswd' },
  { title: 'a NUL', target: '/files/plain.txt%00' },
  { title: 'a NUL before another extension', target: '/files/plain.txt%00.png' },
  { title: 'a line break', target: '/files/plain.txt%0d%0aX-Sendfile:%20/etc/passwd' },
  { title: 'a byte that is no UTF-8', target: '/files/%e9.txt' },
  { title: 'half an escape', target: '/files/plain.txt%' },
  { title: 'a name that is too long', target: `/files/${'x'.repeat(256)}.txt` },
  { title: 'the folder of another root', target: '/files/videos' },
  { title: 'a file that lies where another root is', target: '/files/videos/shadowed.txt' },
  { title: 'another case', target: '/files/PLAIN.TXT' },
];

/** Where the servers have the files, and how somebody would ask for them there. */
export const INTERNAL_TARGETS: readonly Target[] = [
  { title: 'the internal path', target: '/_sluice/plain.txt' },
  { title: 'the internal path of another root', target: '/_sluice/videos/film.mp4' },
  { title: 'the internal folder', target: '/_sluice/' },
  { title: 'the internal folder without its slash', target: '/_sluice' },
  { title: 'the internal path, escaped', target: '/%5fsluice/plain.txt' },
  { title: 'the internal path, around a corner', target: '/files/../_sluice/plain.txt' },
  { title: 'the internal path, around an escaped corner', target: '/x/%2e%2e/_sluice/plain.txt' },
  { title: 'the internal path, with two slashes', target: '//_sluice/plain.txt' },
  {
    title: 'the private host',
    target: '/_sluice/plain.txt',
    headers: { host: 'sluice.internal' },
  },
  {
    title: 'the private host in another case',
    target: '/_sluice/plain.txt',
    headers: { host: 'SLUICE.INTERNAL.' },
  },
  {
    title: 'the private host as an absolute target',
    target: 'http://sluice.internal/_sluice/plain.txt',
  },
  {
    title: 'the internal path with an order',
    target: '/_sluice/plain.txt',
    headers: { 'x-accel-redirect': '/_sluice/plain.txt', 'x-reproxy-url': '/_sluice/plain.txt' },
  },
];

/** Headers by which a client might try to give an order, or to choose the kind of orders. */
export function forgedHeaders(path: string): readonly Readonly<Record<string, string>>[] {
  const uri = '/_sluice/denied/secret.txt';
  return [
    { 'x-accel-redirect': uri },
    { 'x-sendfile': path },
    { 'x-reproxy-url': `http://sluice.internal${uri}` },
    { 'x-sendfile-type': 'X-Accel-Redirect', 'x-accel-mapping': `${path}=${uri}` },
    { 'x-sendfile-type': 'X-Sendfile' },
    { 'x-lighttpd-send-file': path },
    { 'x-sendfile2': `${path} 0-` },
    { 'x-litespeed-location': uri },
    { x_accel_redirect: uri, x_sendfile: path, x_sendfile_type: 'X-Sendfile' },
    { 'x-original-url': uri, 'x-rewrite-url': uri },
    { 'x-http-method-override': 'PUT', 'x-forwarded-prefix': '/_sluice' },
    { 'x-accel-limit-rate': '1', 'x-lighttpd-kbytes-per-second': '1', 'x-accel-expires': '60' },
  ];
}

/** Response headers that order a file from some server. */
export function ordersFor(path: string): readonly (readonly [name: string, value: string])[] {
  const uri = '/_sluice/denied/secret.txt';
  return [
    ['x-accel-redirect', uri],
    ['X-Accel-Redirect', uri],
    ['x-sendfile', path],
    ['X-SENDFILE', path],
    ['x-reproxy-url', `http://sluice.internal${uri}`],
    ['x-reproxy-url', uri],
    ['x-lighttpd-send-file', path],
    ['x-sendfile2', `${path} 0-`],
    ['x-sendfile-temporary', path],
    ['x-litespeed-location', uri],
  ];
}
