import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import test from 'ava';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { createCredentials, knowsCredentials } from '../../src/stores/client.ts';
import { checkInstalled } from '../../src/stores/engine-process.ts';
import { createStoreClient, startCeph, startSwift } from '../../src/stores/index.ts';

const ENGINES = [
  ['ceph', () => startCeph({ osds: 1 })],
  ['swift', () => startSwift({ nodes: 1 })],
] as const;

for (const [name, start] of ENGINES) {
  test.serial(
    `${name} keeps an object for its owner alone, and leaves nothing behind`,
    async (t) => {
      const engine = await start();
      t.teardown(() => engine.stop());
      const owner = createStoreClient(engine, engine.credentials);
      const other = createStoreClient(engine, engine.otherCredentials);
      t.teardown(() => {
        owner.destroy();
        other.destroy();
      });
      const one = { Bucket: await engine.createBucket(), Key: 'a/b' };
      await owner.send(new PutObjectCommand({ ...one, Body: 'bytes' }));
      const object = await owner.send(new GetObjectCommand(one));
      t.is(await object.Body?.transformToString(), 'bytes');
      t.is(object.VersionId, undefined);
      await t.throwsAsync(other.send(new GetObjectCommand(one)), { name: 'AccessDenied' });

      const two = { Bucket: await engine.createBucket({ versioned: true }), Key: 'a/b' };
      t.not(two.Bucket, one.Bucket);
      const put = await owner.send(new PutObjectCommand({ ...two, Body: 'bytes' }));
      t.regex(put.VersionId ?? '', /^.{10,}$/);

      const running = processesIn(engine.folder);
      t.true(running.length >= 2, `${running.length}`);
      await engine.stop();
      await engine.stop();
      t.deepEqual(processesIn(engine.folder), []);
      t.false(existsSync(engine.folder));
    },
  );

  test.serial(
    `${name} ends with the process that started it, even if that was killed`,
    async (t) => {
      const script = fileURLToPath(new URL('../../src/stores/serve.js', import.meta.url));
      const holder = spawn(process.execPath, ['--no-warnings', script, name], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      t.teardown(() => holder.kill('SIGKILL'));
      let folder = '';
      for await (const line of createInterface({ input: holder.stdout })) {
        folder = /^# in (\S+);/.exec(line)?.[1] ?? '';
        if (folder !== '') break;
      }
      t.teardown(() => rmSync(folder, { recursive: true, force: true }));
      t.true(processesIn(folder).length >= 5);
      holder.kill('SIGKILL');
      await once(holder, 'exit');
      for (let tries = 0; processesIn(folder).length > 0 && tries < 500; tries += 1) {
        await delay(20);
      }
      t.deepEqual(processesIn(folder), []);
    },
  );
}

test('what answers everything is not taken for a store', async (t) => {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/xml');
    response.end('<ListAllMyBucketsResult><Owner><ID>owner</ID></Owner></ListAllMyBucketsResult>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as { readonly port: number };
  const address = { endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1' };
  t.false(await knowsCredentials(address, createCredentials('a'), 'owner'));
});

test('a store that is not on the machine says what to install', (t) => {
  t.notThrows(() => checkInstalled('Node', { nodejs: process.execPath }));
  t.throws(() => checkInstalled('Nothing', { here: process.execPath, 'not-here': '/no/such' }), {
    message: /^Nothing is not on this machine.*\n  apt-get install .* not-here$/,
  });
});

/** The processes that were told of a folder. */
function processesIn(folder: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
    } catch {
      return false;
    }
  });
}
