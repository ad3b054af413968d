import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parseKey, type StorageDriver } from '@sluice/core';
import test, { type ExecutionContext } from 'ava';

import { createSchoolStorage, invoiceKey, type SchoolStorage } from '../src/index.ts';

async function openStorage(t: ExecutionContext): Promise<SchoolStorage> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-school-'));
  await mkdir(join(folder, 'recordings/harbour'), { recursive: true });
  await writeFile(join(folder, 'recordings/harbour/lesson-1.wav'), 'la');
  const storage = createSchoolStorage({
    database: join(folder, 'data/school.db'),
    recordings: join(folder, 'recordings'),
  });
  t.teardown(async () => {
    await storage.close();
    await rm(folder, { recursive: true });
  });
  return storage;
}

async function keysOf(driver: StorageDriver): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of driver.list?.('') ?? []) keys.push(key);
  return keys.toSorted();
}

test('invoices and recordings are objects of one store', async (t) => {
  const storage = await openStorage(t);
  const { driver } = storage;
  await storage.storeInvoice({ number: '2026-001', student: 'ada' }, Buffer.from('%PDF'));
  t.deepEqual(await keysOf(driver), [
    'invoices/ada/2026-001.pdf',
    'recordings/harbour/lesson-1.wav',
  ]);
  t.is((await driver.stat(parseKey('recordings/harbour/lesson-1.wav')!))?.size, 2);
});

test('only what lies on the disk can be sent by a front server, under the prefix of its keys', async (t) => {
  const storage = await openStorage(t);
  const { driver } = storage;
  const invoice = { number: '2026-001', student: 'ada' };
  await storage.storeInvoice(invoice, Buffer.from('%PDF'));
  t.is(driver.localPath?.(invoiceKey(invoice)), undefined);
  t.is(driver.localPath?.(parseKey('recordings/harbour/lesson-1.wav')!)?.prefix, 'recordings');
});

test('nobody writes a recording through the application', async (t) => {
  const { driver } = await openStorage(t);
  const put = driver.put?.(parseKey('recordings/harbour/lesson-2.wav')!, Buffer.from('la'));
  await t.throwsAsync(put!, { code: 'SLUICE_UNSUPPORTED' });
});

test('a name that would lead elsewhere makes no invoice', (t) => {
  for (const student of ['..', '', 'a\u0000b']) {
    t.throws(() => invoiceKey({ number: '1', student }), { instanceOf: TypeError });
  }
});
