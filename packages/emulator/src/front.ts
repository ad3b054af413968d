import type { IncomingMessage, ServerResponse } from 'node:http';

import { has, linesOf, without } from './headers.ts';
import { askStore } from './ask-store.ts';
import type {
  ClientRequest,
  Exchange,
  FrontServer,
  HeaderLines,
  Reply,
  StoreQuestion,
} from './model.ts';
import { openFile } from './open-file.ts';
import { type Bytes, collect, relay, respond } from './respond.ts';
import { headersForApp, type Question, type Upstream, type UpstreamAnswer } from './upstream.ts';

/**
 * Answers one request as the server does: it asks the application, and sends the file, a page of its
 * own, or what the application said.
 */
export async function answer(
  req: IncomingMessage,
  res: ServerResponse,
  server: FrontServer,
  upstream: Upstream,
): Promise<void> {
  const job = jobOf(req, res, server);
  const { request } = job;
  const target = server.receive?.(request) ?? request.target;
  if (typeof target !== 'string') return reply(job, target);
  const headers = headersForApp(request, server, req.socket.remoteAddress ?? '');
  const body = has(request.headers, 'transfer-encoding') || has(request.headers, 'content-length');
  let question: Question = {
    method: request.method,
    target,
    headers,
    body: body ? req : undefined,
  };
  for (let asked = 0; asked < server.mostAsked; asked += 1) {
    const given = await ask(upstream, question, res);
    if (given === undefined) return reply(job, server.page(502));
    const next = await follow(job, given);
    if (next === undefined) return undefined;
    const method = request.method === 'HEAD' ? 'HEAD' : 'GET';
    question = { method, target: next, headers: without(headers, ...OF_A_BODY), body: undefined };
  }
  return reply(job, server.page(server.loopStatus));
}

/** One request of a client, until it is answered. */
interface Job {
  readonly request: ClientRequest;
  readonly res: ServerResponse;
  readonly server: FrontServer;
  /** From answers of the application that led to another question. */
  kept: HeaderLines;
}

const OF_A_BODY = ['content-length', 'content-type', 'expect'];

function jobOf(req: IncomingMessage, res: ServerResponse, server: FrontServer): Job {
  const request = {
    method: req.method ?? 'GET',
    target: req.url ?? '/',
    headers: linesOf(req.rawHeaders),
    httpVersion: req.httpVersion,
  };
  return { request, res, server, kept: [] };
}

/** @returns `undefined` when the application closed the connection without an answer */
async function ask(
  upstream: Upstream,
  question: Question,
  res: ServerResponse,
): Promise<UpstreamAnswer | undefined> {
  const left = new AbortController();
  const leave = (): void => left.abort();
  res.once('close', leave);
  try {
    return await upstream.ask(question, left.signal);
  } catch {
    return undefined;
  } finally {
    res.off('close', leave);
  }
}

/** @returns what the application is to be asked next; `undefined` when it has been answered */
async function follow(job: Job, given: UpstreamAnswer): Promise<string | undefined> {
  // A server closes the connection to the application when the client has left.
  const hangUp = (): void => given.hangUp();
  job.res.once('close', hangUp);
  try {
    return await act(job, given);
  } finally {
    job.res.off('close', hangUp);
    given.hangUp();
  }
}

async function act(job: Job, given: UpstreamAnswer): Promise<string | undefined> {
  const { request, server } = job;
  const { statusCode: status = 502, statusMessage: reason = '', rawHeaders } = given.message;
  const exchange: Exchange = { request, answer: { status, reason, headers: linesOf(rawHeaders) } };
  if (server.takesHead?.(exchange.answer) === false) {
    await reply(job, server.page(502));
    return undefined;
  }
  const verdict = server.judge(exchange);
  // Nobody reads the body of an answer that is followed.
  if (verdict.kind !== 'pass') given.message.resume();
  switch (verdict.kind) {
    case 'ask':
      job.kept = [...job.kept, ...verdict.kept];
      return verdict.target;
    case 'reply':
      await reply(job, verdict.reply);
      return undefined;
    case 'pass':
      await pass(job, given, exchange);
      return undefined;
    case 'fetch':
      await fetchInto(job, verdict.question, exchange);
      return undefined;
    case 'file': {
      const file = await openFile(verdict.place, server.links);
      if (typeof file === 'string') {
        await reply(job, server.fail(file, exchange));
        return undefined;
      }
      try {
        await reply(job, server.send(file, exchange, verdict.place.path), file.handle);
      } finally {
        await file.handle.close();
      }
      return undefined;
    }
  }
}

async function fetchInto(job: Job, question: StoreQuestion, exchange: Exchange): Promise<void> {
  const { server, res, kept } = job;
  const left = new AbortController();
  const leave = (): void => left.abort();
  res.once('close', leave);
  try {
    const message = await askStore(question, left.signal);
    const { statusCode: status = 502, statusMessage: reason = '', rawHeaders = [] } = message ?? {};
    const given = message && { status, reason, headers: linesOf(rawHeaders) };
    const made = server.fetched?.(given, exchange) ?? server.page(502);
    if (message === undefined || 'body' in made) {
      message?.destroy();
      return await reply(job, 'body' in made ? made : server.page(502));
    }
    const head = { ...made, headers: [...kept, ...made.headers] };
    return await relay(res, head, message, server.rateOf?.(exchange));
  } finally {
    res.off('close', leave);
  }
}

async function pass(job: Job, { message }: UpstreamAnswer, exchange: Exchange): Promise<void> {
  const { server, res, kept } = job;
  if (server.cut !== undefined && server.cuts?.(exchange) === true) {
    const body = await collect(message);
    return reply(job, server.cut(body.length, exchange), body);
  }
  const head = { ...exchange.answer, headers: [...kept, ...server.passedHeaders(exchange)] };
  return relay(res, head, message, server.rateOf?.(exchange));
}

async function reply({ res, kept }: Job, given: Reply, bytes?: Bytes): Promise<void> {
  if (res.destroyed) return;
  await respond(res, { ...given, headers: [...kept, ...given.headers] }, bytes);
}
