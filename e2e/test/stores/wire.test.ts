import { nginx } from '@sluice/core/offload';
import test, { type ExecutionContext } from 'ava';

import { exchange, field } from '../../src/client.ts';
import { bytesOf, type StoredFile } from '../../src/fixture.ts';
import { startFront } from '../../src/front.ts';
import { type RunningSender, runSender } from '../../src/sender.ts';
import { startCeph, startSwift, type StoreEngine } from '../../src/stores/index.ts';
import { type RecordingRelay, startRecordingRelay } from '../../src/stores/recording-relay.ts';
import { createStoreFixture, type StoreFixture } from '../../src/stores/store-fixture.ts';
import { leaksOf } from '../../src/verdict.ts';
import { targetOf } from '../helpers.ts';

const ENGINES = [
  ['ceph', () => startCeph({ osds: 1 })],
  ['swift', () => startSwift({ nodes: 1 })],
] as const;

/** Its headers are not those that it is stored with. */
const NAMED: StoredFile = {
  key: 'named/a b%41.pdf',
  type: 'text/html',
  bytes: bytesOf('named', 300_000),
};

/** What a client says that is none of the store's business. */
const PRIVATE = {
  cookie: 'session=private-1',
  authorization: 'Bearer private-2',
  'proxy-authorization': 'Basic private-3',
  referer: 'http://127.0.0.1/private-4',
  'x-forwarded-for': '203.0.113.5',
  'x-private': 'private-6',
  'x-amz-date': 'private-7',
  'x-amz-security-token': 'private-8',
  'content-type': 'application/x-private-9',
};

for (const [name, start] of ENGINES) {
  test.serial(
    `${name}: nginx says to the store what it must, and nothing of the client`,
    async (t) => {
      const engine = await start();
      t.teardown(() => engine.stop());
      const { relay, sender, fixture } = await serve(t, engine);
      const body = 'body of the client';
      for (const headers of [PRIVATE, { ...PRIVATE, range: 'bytes=100000-199999' }]) {
        const target = targetOf(NAMED.key);
        const { answer, event } = await sender.askWithEvent({ target, headers, body });
        t.is(event.outcome, 'offloaded', event.why);
        t.deepEqual(leaksOf(answer, fixture), []);
        const isRange = 'range' in headers;
        t.is(answer.status, isRange ? 206 : 200);
        t.true(answer.complete);
        const { bytes } = NAMED;
        t.true(answer.body.equals(isRange ? bytes.subarray(100_000, 200_000) : bytes));
        // The policy's, not those of the bucket.
        t.is(field(answer, 'cache-control'), 'public, max-age=60, no-transform');
        t.regex(field(answer, 'content-disposition') ?? '', /^attachment; .*filename\*=/);
        t.is(field(answer, 'x-content-type-options'), 'nosniff');
        t.deepEqual(
          answer.headers.filter(([header]) =>
            /^x-(?:amz|rgw|trans|openstack)|^server-/.test(header),
          ),
          [],
        );
      }
      const fetched = relay.sent().filter((text) => !/^authorization: AWS4/im.test(text));
      t.is(fetched.join('').match(/^GET .* HTTP\/1\.1\r$/gm)?.length, 2);
      for (const text of fetched) {
        t.notRegex(text, /private-|203\.0\.113|body of the client|^content-length: [^0]/im);
        t.regex(text, /^GET \/[^?]+\?[^ ]*X-Amz-Signature=/);
        t.regex(text, /^if-match: "/im);
      }
      t.regex(fetched.join(''), /^range: bytes=100000-199999\r$/im);
    },
  );

  test.serial(
    `${name}: a link that was spoilt gives nothing, and keys with dots have none`,
    async (t) => {
      const engine = await start();
      t.teardown(() => engine.stop());
      const fixture = await createStoreFixture(engine, { files: [NAMED] });
      const sender = await runSender(name, 'streaming', { fixture, redirect: { expiresIn: 60 } });
      t.teardown(() => sender.stop());
      t.teardown(() => fixture.remove());
      const sent = await sender.ask({ target: targetOf(NAMED.key) });
      t.is(sent.status, 302);
      const link = field(sent, 'location') ?? '';
      const whole = await fetch(link);
      t.is(whole.status, 200);
      t.true(Buffer.from(await whole.arrayBuffer()).equals(NAMED.bytes));
      t.is(whole.headers.get('cache-control'), 'public, max-age=60, no-transform');
      const spoilt = [
        link.replace(/X-Amz-Expires=\d+/, 'X-Amz-Expires=600000'),
        link.replace(/X-Amz-Signature=./, (match) =>
          match.endsWith('0') ? `${match.slice(0, -1)}1` : `${match.slice(0, -1)}0`,
        ),
        link.replace('max-age%3D60', 'max-age%3D61'),
        link.replace('attachment', 'inline'),
        link.replace('named/', 'other/'),
        link.replace(/\?.*/, ''),
      ];
      for (const url of spoilt) {
        t.not(url, link);
        const answer = await fetch(url);
        t.true([400, 403].includes(answer.status), `${answer.status} for ${url}`);
        t.false((await answer.text()).includes('SLUICE-E2E-OBJECT'));
      }
      // The store would take no notice of the condition: so nobody is sent there.
      const headers = { range: 'bytes=5-', 'if-range': '"another"' };
      const failed = await sender.ask({ target: targetOf(NAMED.key), headers });
      t.is(failed.status, 200);
      t.true(failed.body.equals(NAMED.bytes));
      const head = await sender.ask({ method: 'HEAD', target: targetOf(NAMED.key) });
      t.is(head.status, 200);
      for (const path of ['named/../named/a', 'named/./a', 'named/%2e%2e/named/a', '..', 'a//b']) {
        const { port } = sender;
        const dotted = await exchange(port, { target: `/files/${path}` });
        t.is(dotted.status, 404, path);
        t.is(field(dotted, 'location'), undefined);
      }
    },
  );
}

interface World {
  readonly relay: RecordingRelay;
  readonly sender: RunningSender;
  readonly fixture: StoreFixture;
}

/** The application behind nginx, and both before a store that is listened to. */
async function serve(t: ExecutionContext, engine: StoreEngine): Promise<World> {
  const relay = await startRecordingRelay(engine.endpoint);
  t.teardown(() => relay.stop());
  const origin = relay.endpoint;
  const driver = { endpoint: origin };
  const fixture = await createStoreFixture(engine, { files: [NAMED], driver });
  const dialect = nginx({ store: { origin }, bufferSize: 32_768 });
  const sender = await runSender('nginx', 'nginx', { fixture, dialect }, (port) =>
    startFront('nginx', 'standalone', { app: `http://127.0.0.1:${port}`, store: { origin } }),
  );
  t.teardown(() => sender.stop());
  t.teardown(() => fixture.remove());
  return { relay, sender, fixture };
}
