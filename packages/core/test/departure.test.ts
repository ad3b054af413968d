import {
  allow,
  type Call,
  createSluice,
  type DownloadEvent,
  isSluiceError,
  type LocalPath,
  type StorageDriver,
} from '@sluice/core';
import { untilAborted } from '@sluice/core/drivers';
import test from 'ava';

import { keyOf, pattern, probe } from './helpers/objects.ts';

const SMALL = pattern(1000);
const LARGE = pattern(300_000);
const KEY = keyOf('a');

/** A store that stands still where it is told to, until it is told that nobody waits any more. */
function standing(where: string, bytes: Uint8Array) {
  let arrive = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  let isStanding = true;
  const wait = async (at: string, { signal }: Call = {}): Promise<void> => {
    if (at !== where || !isStanding) return;
    arrive();
    await untilAborted(new Promise(() => undefined), signal, () => undefined);
  };
  const store = probe(bytes);
  const { driver } = store;
  const storage: StorageDriver = {
    ...driver,
    async stat(key, call) {
      await wait('stat', call);
      return driver.stat(key);
    },
    async open(key, call) {
      await wait('open', call);
      const handle = await driver.open(key);
      return (
        handle && {
          ...handle,
          async read(window, reading) {
            await wait('read', reading);
            return handle.read(window, reading);
          },
        }
      );
    },
    async signUrl(_key, options) {
      await wait('sign', options);
      return { url: 'https://store.example/a?signature', expires: 0, pinned: false };
    },
  };
  const goOn = (): void => {
    isStanding = false;
  };
  return { storage, arrived, goOn, openHandles: () => store.open };
}

for (const [what, where, bytes, method, redirect] of [
  ['the facts for HEAD', 'stat', SMALL, 'HEAD', undefined],
  ['an object', 'open', SMALL, 'GET', undefined],
  ['the bytes of a small object', 'read', SMALL, 'GET', undefined],
  ['the first bytes of a large object', 'read', LARGE, 'GET', undefined],
  ['the facts for a redirect', 'stat', SMALL, 'GET', { expiresIn: 60 }],
  ['a signed URL', 'sign', SMALL, 'GET', { expiresIn: 60 }],
] as const) {
  test(`who leaves while ${what} is waited for gives the place back, and is no failure`, async (t) => {
    const { storage, arrived, goOn, openHandles } = standing(where, bytes);
    const events: DownloadEvent[] = [];
    const sluice = createSluice({
      storage,
      policy: () => allow(),
      maxDownloads: 1,
      redirect,
      onCompletion: (event) => events.push(event),
    });
    const controller = new AbortController();
    const request = { method, key: KEY, subject: undefined };
    const opening = sluice.open({ ...request, signal: () => controller.signal });
    await arrived;
    controller.abort();
    const { plan, error, settle } = await opening;
    t.is(plan.kind, 'failed');
    t.true(isSluiceError(error) && error.code === 'SLUICE_ABORTED');
    settle({ end: 'aborted', bytes: 0 });
    t.is(events[0]?.outcome, 'aborted');
    t.is(openHandles(), 0);
    goOn();
    const next = await sluice.open(request);
    t.true(next.plan.status < 400);
    next.settle({ end: 'finished', bytes: 0 });
  });
}

test('nobody is asked whether he has left where the object lies on a local disk', async (t) => {
  const { driver } = probe(SMALL);
  const localPath = (): LocalPath => ({ root: '/srv', prefix: '', path: '/srv/a' });
  const sluice = createSluice({ storage: { ...driver, localPath }, policy: () => allow() });
  for (const method of ['GET', 'HEAD']) {
    const { plan, settle } = await sluice.open({
      method,
      key: KEY,
      subject: undefined,
      signal(): never {
        throw new Error('a signal costs more than opening a file');
      },
    });
    t.is(plan.status, 200);
    settle({ end: 'finished', bytes: 0 });
  }
});
