import type { Next, ParameterizedContext } from 'koa';

import { findPerson, type Person } from './people.ts';

/** What the site keeps in `ctx.state`. */
export interface SiteState {
  /** Who is signed in. */
  user?: Person | undefined;
}

export type SiteContext = ParameterizedContext<SiteState>;

/**
 * Finds out who asks and puts them into `ctx.state.user`: by the session cookie, which Koa signs,
 * or by Basic authentication (RFC 7617), so that `curl -u ada:ada` works. Wrong credentials are 401.
 */
export async function identify(ctx: SiteContext, next: Next): Promise<void> {
  const authorization = ctx.get('Authorization');
  const person =
    authorization === ''
      ? findPerson(ctx.cookies.get(COOKIE, { signed: true }))
      : personByBasic(authorization);
  if (authorization !== '' && person === undefined) {
    ctx.throw(401, { headers: { 'WWW-Authenticate': 'Basic realm="demo", charset="UTF-8"' } });
  }
  ctx.state.user = person;
  await next();
}

/** Signs a person in. The demo asks for no password; all else is as on a real site. */
export async function signIn(ctx: SiteContext): Promise<void> {
  refuseForeignForms(ctx);
  const form = await readForm(ctx.req);
  const person = findPerson(form?.get('person'));
  if (person === undefined) ctx.throw(400, 'There is no such person.');
  // RFC 6265bis §4.1.2: a script cannot read it, and no other site's request but a link carries it.
  ctx.cookies.set(COOKIE, person.id, { signed: true, httpOnly: true, sameSite: 'lax' });
  toStart(ctx);
}

/** Signs out whoever is signed in. */
export function signOut(ctx: SiteContext): void {
  refuseForeignForms(ctx);
  ctx.cookies.set(COOKIE, '', { signed: true, httpOnly: true, sameSite: 'lax', maxAge: 0 });
  toStart(ctx);
}

const COOKIE = 'person';

/** Bytes of a form that are read at most. */
const FORM_LIMIT = 1024;

/** RFC 9110 §15.4.4: what follows is a GET, whatever this was. */
function toStart(ctx: SiteContext): void {
  ctx.status = 303;
  ctx.redirect('/');
}

/** The password of each person is their id. */
function personByBasic(authorization: string): Person | undefined {
  const [, encoded = ''] = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization) ?? [];
  const [id, ...password] = Buffer.from(encoded, 'base64').toString().split(':');
  return password.join(':') === id ? findPerson(id) : undefined;
}

/**
 * Refuses a form that another site sent (CSRF). A browser says where a request comes from in
 * `Sec-Fetch-Site`, an older one in `Origin`; what says neither is no browser, and carries nobody's
 * cookies but its own.
 */
function refuseForeignForms(ctx: SiteContext): void {
  const site = ctx.get('Sec-Fetch-Site');
  const origin = ctx.get('Origin');
  const here = `${ctx.protocol}://${ctx.host}`;
  const ours =
    site === '' ? origin === '' || origin === here : site === 'same-origin' || site === 'none';
  if (!ours) ctx.throw(403, 'This form comes from another site.');
}

/** Reads a form of the type that HTML sends; `undefined` when it is too long. */
async function readForm(request: AsyncIterable<Uint8Array>): Promise<URLSearchParams | undefined> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of request) {
    length += piece.length;
    if (length > FORM_LIMIT) return undefined;
    pieces.push(piece);
  }
  return new URLSearchParams(Buffer.concat(pieces).toString());
}
