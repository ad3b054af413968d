// An application that is measured, in a process of its own: `measure.ts` starts it, tells it how it is to
// send, and asks at `/usage` what it has used.
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import { GetObjectCommand } from '@aws-sdk/client-s3';
import { allow, createSluice } from '@sluice/core';
import { nginx } from '@sluice/core/offload';
import { downloads } from '@sluice/koa';
import { createS3Driver } from '@sluice/storage-s3';
import Koa from 'koa';

import { HELLO } from '../app.ts';
import { createStoreClient } from './client.ts';
import type { StoreCredentials } from './engine.ts';

/** How the application sends. */
export type Way = 'aws-sdk' | 'sluice' | 'redirect' | 'nginx';

/** What the application is told, as JSON in its one argument. */
export interface MeasuredOptions {
  readonly way: Way;
  readonly bucket: string;
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: StoreCredentials;
}

/** What it answers at `/usage`. */
export interface Usage {
  /** Seconds of processor time so far. */
  readonly cpu: number;
  /** The most bytes of memory so far. */
  readonly peak: number;
}

const [told = '{}'] = process.argv.slice(2);
const options = JSON.parse(told) as MeasuredOptions;
const send = options.way === 'aws-sdk' ? byHand(options) : byKoa(options);
const server = createServer((request, response) => {
  if (request.url === '/usage') response.end(JSON.stringify(usage()));
  else if (request.url === '/hello') response.end(HELLO);
  else send(request, response);
});
let peak = 0;
// The kernel's own mark would count what this process was before it was Node.
setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 20).unref();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
console.log((server.address() as AddressInfo).port);

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpu: (user + system) / 1e6, peak };
}

/** As the SDK's documentation does it: no check of anything, and what fails is somebody else's. */
function byHand({ bucket, ...address }: MeasuredOptions): RequestListener {
  const client = createStoreClient(address, address.credentials);
  return (request, response) => {
    const Key = (request.url ?? '').replace('/files/', '');
    const asked = client.send(new GetObjectCommand({ Bucket: bucket, Key }));
    void asked.then(({ Body, ContentLength }) => {
      response.setHeader('content-length', String(ContentLength));
      (Body as NodeJS.ReadableStream).pipe(response);
    });
  };
}

function byKoa({ way, ...address }: MeasuredOptions): RequestListener {
  const { endpoint } = address;
  const sluice = createSluice({
    storage: createS3Driver(address),
    policy: () => allow(),
    ...(way === 'redirect' && { redirect: { expiresIn: 60 } }),
    ...(way === 'nginx' && { dialect: nginx({ store: { origin: endpoint }, bufferSize: 32_768 }) }),
  });
  const app = new Koa();
  app.use(downloads(sluice, { prefix: '/files/' }));
  const listener = app.callback();
  return (request, response) => void listener(request, response);
}
