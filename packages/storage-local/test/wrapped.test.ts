import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { StorageDriver } from '@sluice/core';
import {
  cacheStat,
  limit,
  mount,
  observe,
  prefix,
  readonly,
  retry,
  timeout,
} from '@sluice/core/drivers';
import { createUriMap, pathBelow } from '@sluice/core/offload';
import { type ContractNeed, contractWithAva } from '@sluice/core/testing';
import test from 'ava';

import { createLocalDriver } from '../src/local-driver.ts';
import { createFixture, WITHOUT } from './helpers/contract-fixture.ts';
import { asKey, tempRoot } from './helpers/temp-root.ts';
import { type Wrapping, wrapFixture } from './helpers/wrapped-fixture.ts';

type Wrap = (driver: StorageDriver) => StorageDriver;

const empty: StorageDriver = {
  name: 'empty',
  stat: async () => undefined,
  open: async () => undefined,
};

/** A store that is behind by a moment: whoever changes it around the driver waits for that long. */
function cached(below: Wrap = (driver) => driver, above: Wrap = (driver) => driver): Wrapping {
  return {
    wrap: (driver) => above(cacheStat(below(driver), { ttl: 1 })),
    shown: () => delay(3),
  };
}

const wrappers: Readonly<
  Record<string, Wrapping & { readonly without?: readonly ContractNeed[] }>
> = {
  prefix: {
    wrap: (driver) => prefix(driver, 'tenant-a/files'),
    inside: (key) => `tenant-a/files/${key}`,
  },
  readonly: { wrap: readonly, without: ['put', 'delete', 'move'] },
  mount: {
    wrap: (driver) => mount({ '': empty, 'sluice-contract': driver }, { copy: true }),
    inside: (key) => key.slice('sluice-contract/'.length),
  },
  cacheStat: cached(),
  retry: { wrap: (driver) => retry(driver) },
  timeout: { wrap: (driver) => timeout(driver), fills: false, without: ['fills'] },
  'limit to one': { wrap: (driver) => limit(driver, { concurrent: 1 }) },
  observe: { wrap: (driver) => observe(driver, { onEnd: () => undefined }) },
  'the recommended stack': {
    ...cached(
      (driver) => retry(timeout(limit(driver))),
      (driver) => observe(driver, { onEnd: () => undefined }),
    ),
    fills: false,
    without: ['fills'],
  },
};

for (const [name, { without = [], ...wrapping }] of Object.entries(wrappers)) {
  const create = (root: string) => createLocalDriver({ root });
  await contractWithAva(test, () => wrapFixture(createFixture(create), wrapping), {
    name,
    without: [...WITHOUT, ...without],
  });
}

test('a front server finds the roots of mounted drivers by the prefixes of their mounts', (t) => {
  const { root: files } = tempRoot(t);
  const { root: videos } = tempRoot(t);
  const driver = mount({
    '': prefix(createLocalDriver({ root: files }), 'tenant-a'),
    'media/videos': createLocalDriver({ root: videos }),
    'media/remote': empty,
  });
  const map = createUriMap('test', '/_sluice/');
  const uriOf = (key: string): string | undefined => {
    const place = driver.localPath?.(asKey(key));
    const folder = place && map(place);
    return place && folder && pathBelow(folder, place);
  };
  t.deepEqual(driver.localPath?.(asKey('a/b.pdf')), {
    root: files,
    prefix: '',
    path: join(files, 'tenant-a/a/b.pdf'),
  });
  t.deepEqual(driver.localPath?.(asKey('media/videos/a.mp4')), {
    root: videos,
    prefix: 'media/videos',
    path: join(videos, 'a.mp4'),
  });
  t.is(uriOf('a/b.pdf'), '/_sluice/tenant-a/a/b.pdf');
  t.is(uriOf('media/videos/a.mp4'), '/_sluice/media/videos/a.mp4');
  t.is(uriOf('media/remote/a.mp4'), undefined);
});
