import type { RequestListener } from 'node:http';

import { cacheStat, retry } from '@sluice/core/drivers';

import { fromMemory, koaFromMemory } from './server/memory.ts';
import {
  authRequest,
  inFrontOf,
  type NginxSite,
  staticFiles,
  throughProxy,
} from './server/nginx-config.ts';
import { authorizer, fromS3, offloading, rules, streaming } from './server/ours.ts';
import * as peers from './server/peers.ts';
import { koaPiping, piping } from './server/piping.ts';
import type { Stage } from './stage.ts';

/** A server that takes part. */
export interface Contender {
  readonly name: string;
  /** As the table says it. */
  readonly title: string;
  /** What it is compared as. */
  readonly role: 'ours' | 'peer' | 'ceiling';
  /** The Node process; absent where nginx does it all. */
  readonly listener?: (stage: Stage) => RequestListener | Promise<RequestListener>;
  /** The nginx that is asked in its place, and stands in front of it. */
  readonly nginx?: (site: NginxSite) => string;
}

/**
 * Everybody. Another one is a line here, and its name in the lists of `cases.ts`; what it imports it
 * should import when it starts, because each runs in a process of its own.
 */
export const contenders: readonly Contender[] = [
  { name: 'koa-send', title: 'koa-send 5', role: 'peer', listener: peers.koaSend },
  { name: '@koa/send', title: '@koa/send 6', role: 'peer', listener: peers.newKoaSend },
  { name: 'koa-static', title: 'koa-static', role: 'peer', listener: peers.koaStatic },
  {
    name: 'koa-conditional',
    title: 'koa-static + conditional-get + etag',
    role: 'peer',
    listener: peers.koaConditional,
  },
  { name: 'koa-sendfile', title: 'koa-sendfile', role: 'peer', listener: peers.koaSendfile },
  { name: 'send', title: 'send 1', role: 'peer', listener: peers.sendAlone },
  { name: 'express', title: 'express static', role: 'peer', listener: peers.expressStatic },
  { name: 'fastify', title: '@fastify/static', role: 'peer', listener: peers.fastifyStatic },
  { name: 'sirv', title: 'sirv', role: 'peer', listener: peers.sirvAlone },
  { name: 'sluice', title: 'Sluice', role: 'ours', listener: streaming({}) },
  {
    name: 'sluice-cache',
    title: 'Sluice, open-object cache',
    role: 'ours',
    listener: streaming({
      openCache: { maxBytes: 67_108_864, maxObjectBytes: 131_072, revalidate: 1000 },
    }),
  },
  {
    name: 'sluice-500',
    title: 'Sluice, cache of 500 objects',
    role: 'ours',
    listener: streaming({ openCache: { maxObjects: 500, maxBytes: 1_048_576, idle: 1000 } }),
  },
  { name: 'rules-1', title: 'Sluice, 1 rule', role: 'ours', listener: rules(1) },
  { name: 'rules-100', title: 'Sluice, 100 rules', role: 'ours', listener: rules(100) },
  { name: 'rules-10000', title: 'Sluice, 10,000 rules', role: 'ours', listener: rules(10_000) },
  {
    name: 'sluice-offload',
    title: 'nginx + Sluice, offloading',
    role: 'ours',
    listener: offloading,
    nginx: inFrontOf,
  },
  {
    name: 'sluice-proxied',
    title: 'nginx + Sluice, streaming',
    role: 'ours',
    listener: streaming({}),
    nginx: inFrontOf,
  },
  { name: 'koa-memory', title: 'Koa, from memory', role: 'ceiling', listener: koaFromMemory },
  { name: 'node-memory', title: 'node:http, from memory', role: 'ceiling', listener: fromMemory },
  { name: 'nginx', title: 'nginx static', role: 'ceiling', nginx: staticFiles },
  {
    name: 'auth-request',
    title: 'nginx auth_request + Koa',
    role: 'ceiling',
    listener: authorizer,
    nginx: authRequest,
  },
  { name: 'koa-s3', title: 'Koa, piping by hand', role: 'peer', listener: koaPiping },
  {
    name: 'sluice-s3',
    title: 'Sluice on S3',
    role: 'ours',
    listener: fromS3((driver) => driver),
  },
  {
    name: 'sluice-s3-cache',
    title: 'Sluice on S3, cacheStat + retry',
    role: 'ours',
    listener: fromS3((driver) => cacheStat(retry(driver), { ttl: 10_000 })),
  },
  { name: 'node-s3', title: 'node:http, piping', role: 'ceiling', listener: piping },
  { name: 'nginx-s3', title: 'nginx proxy_pass', role: 'ceiling', nginx: throughProxy },
];

/** The contender of a name, unless there is none (yet). */
export function findContender(name: string): Contender | undefined {
  return contenders.find((one) => one.name === name);
}
