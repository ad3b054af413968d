import type { RequestListener } from 'node:http';
import { join } from 'node:path';

import {
  allow,
  createSluice,
  deny,
  firstApplicable,
  forPattern,
  type Policy,
  type StorageDriver,
} from '@sluice/core';
import { type Dialect, nginx } from '@sluice/core/offload';
import { downloads } from '@sluice/koa';
import { createLocalDriver, type LocalDriverOptions } from '@sluice/storage-local';
import Koa from 'koa';

import type { Stage } from '../stage.ts';
import { koaListener } from './koa-listener.ts';

/** What may be said to the driver beside its root: `openCache` and the like. */
export type DriverOptions = Omit<LocalDriverOptions, 'root' | 'paths'>;

/** Sluice as it comes: canonical keys, a policy, the jail, safe headers, a listener of completions. */
export function streaming(driver: DriverOptions): (stage: Stage) => RequestListener {
  return ({ root }) => serve({ storage: local(root, driver), policy: usualPolicy });
}

/** Sluice that streams from the store of the case, with wrappers around the driver or without. */
export function fromS3(
  wrap: (driver: StorageDriver) => StorageDriver,
): (stage: Stage) => Promise<RequestListener> {
  return async ({ store: endpoint }) => {
    if (endpoint === undefined) throw new TypeError('the case has no store');
    // The AWS SDK is no load of those that read from the disk.
    const { createS3Driver } = await import('@sluice/storage-s3');
    const credentials = { accessKeyId: 'bench', secretAccessKey: 'believed' };
    const driver = createS3Driver({ bucket: 'files', endpoint, credentials });
    return serve({ storage: wrap(driver), policy: usualPolicy });
  };
}

/** Sluice that has nginx send the files. */
export function offloading({ root }: Stage): RequestListener {
  const dialect = nginx({ prefix: '/_sluice/' });
  return serve({ storage: local(root), policy: usualPolicy, dialect });
}

/** A policy of so many rules, of which the last one speaks of the object. */
export function rules(count: number): (stage: Stage) => RequestListener {
  return ({ root }) => {
    // Made only where they are asked: they would burden every garbage collection of the others.
    const before = Array.from({ length: count - 1 }, (_, index) =>
      forPattern<User>(patternOf(index), () => allow()),
    );
    const policy = firstApplicable<User>(
      ...before,
      forPattern('last/*path', () => allow()),
    );
    return serve({ storage: local(root), policy });
  };
}

/** What nginx asks with `auth_request`: an application that allows everything, and does no more. */
export function authorizer(): RequestListener {
  const app = new Koa();
  app.use((ctx) => {
    ctx.status = 204;
  });
  return koaListener(app);
}

interface User {
  readonly id: string;
}

interface Served {
  readonly storage: StorageDriver;
  readonly policy: Policy<User>;
  readonly dialect?: Dialect;
}

const usualPolicy: Policy<User> = firstApplicable<User>(
  forPattern('denied/*path', () => deny('nobody may')),
  forPattern('users/:id/*path', ({ subject, params }) =>
    subject?.id === params['id'] ? allow({ disposition: 'attachment' }) : deny('not the owner'),
  ),
  () => allow(),
);

function local(root: string, driver?: DriverOptions): StorageDriver {
  return createLocalDriver({ ...driver, root: join(root, 'files') });
}

function serve({ storage, policy, dialect }: Served): RequestListener {
  let completions = 0;
  const sluice = createSluice<User>({
    storage,
    policy,
    dialect,
    onCompletion: () => {
      completions += 1;
    },
  });
  const app = new Koa();
  app.use(downloads(sluice, { prefix: '/files/', subject: () => USER }));
  return koaListener(app);
}

const USER: User = { id: '7' };

/** Rules as applications have them: below a folder, below a parameter, and with one in front. */
function patternOf(index: number): string {
  switch (index % 3) {
    case 0:
      return `tenant-${index}/*path`;
    case 1:
      return `users/:id/album-${index}/*path`;
    default:
      return `:tenant/shelf-${index}/:file`;
  }
}
