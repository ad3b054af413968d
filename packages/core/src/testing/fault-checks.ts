import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

import type { SluiceErrorCode } from '../errors.ts';
import { readOutcome, wholeOf } from './body.ts';
import type { ContractCheck, ContractFixture } from './check.ts';
import { assertCode, failsWith } from './failure.ts';
import type { Fault } from './fault.ts';
import { listKeys } from './listing.ts';
import {
  allFail,
  assertWholeOrFailed,
  everyAsking,
  INNER,
  INNER_SIZE,
  throughProxy,
} from './remote.ts';
import { sampleBytes, sampleKey, siblingKeys } from './sample.ts';

/** F: what goes wrong between a driver and its store. */
export const faultChecks: readonly ContractCheck[] = [
  {
    id: 'F-01',
    title: 'a store that cannot be reached is unavailable, and is found again when it can',
    needs: ['remote'],
    run: (fixture) =>
      throughProxy(fixture, async (far) => {
        const object = { key: sampleKey(), bytes: sampleBytes(100_000) };
        const askings = await everyAsking(fixture, far, object);
        for (const kind of ['refuse', 'reset'] as const) {
          far.proxy.mode({ kind });
          await allFail(askings, 'SLUICE_UNAVAILABLE', `through a proxy that does ${kind}`);
        }
        far.proxy.mode({ kind: 'pass' });
        for (const [, ask] of askings) await ask();
      }),
  },
  breaksOff('F-02', 'a connection that is reset within a body fails it, and never ends it', {
    kind: 'reset',
    after: 100_000,
  }),
  breaksOff('F-03', 'a connection that is closed within a body fails it, and never ends it', {
    kind: 'truncate',
    after: 100_000,
  }),
  answersWindow('F-04', 'more bytes than were asked for are not passed on', {
    rewrites: [
      (bytes) => ({ kind: 'rewrite', body: bytes.subarray(INNER.start, INNER.end + 500) }),
    ],
    mayEnd: true,
  }),
  {
    id: 'F-05',
    title: 'a store that is busy or broken is unavailable, for as long as it says itself',
    needs: ['remote.http'],
    run: (fixture) =>
      throughProxy(fixture, async (far) => {
        const object = { key: sampleKey(), bytes: sampleBytes(1000) };
        const askings = await everyAsking(fixture, far, object);
        for (const status of [500, 503, 429]) {
          far.proxy.mode({ kind: 'answer', status, headers: { 'retry-after': '2' } });
          for (const [name, ask] of askings) {
            const error = await failsWith('SLUICE_UNAVAILABLE', ask, `${name} answered ${status}`);
            assert.equal(error.retryAfter, 2, `${name} answered ${status}: Retry-After is lost`);
          }
        }
      }),
  },
  {
    id: 'F-06',
    title: 'a store that refuses our credentials is no missing object, and no fault of the user',
    needs: ['refused'],
    async run(fixture) {
      const key = siblingKeys();
      await fixture.seed(key('there'), sampleBytes(10));
      const driver = await fixture.refused?.();
      for (const name of ['there', 'missing']) {
        await failsWith('SLUICE_ACCESS_DENIED', () => driver?.stat(key(name)), `stat of ${name}`);
        await failsWith('SLUICE_ACCESS_DENIED', () => driver?.open(key(name)), `open of ${name}`);
      }
    },
  },
  {
    id: 'F-07',
    title: 'a store that is not there at all is a mistake in its set-up, and no missing object',
    needs: ['misplaced'],
    async run(fixture) {
      const driver = await fixture.misplaced?.();
      assert.ok(driver, 'the fixture gives a driver');
      const key = sampleKey();
      await failsWith('SLUICE_CONFIG', () => driver.stat(key), 'stat');
      await failsWith('SLUICE_CONFIG', () => driver.open(key), 'open');
      if (driver.list === undefined) return;
      // Of several stores, one that cannot list at all may be the one that is asked.
      const codes = ['SLUICE_CONFIG', 'SLUICE_UNSUPPORTED'] as const;
      await failsWith(codes, () => listKeys(driver, key.slice(0, -1)), 'list');
    },
  },
  answersWindow('F-08', 'a whole object in answer to a window is cut to the window, or refused', {
    rewrites: [
      (bytes) => ({
        kind: 'rewrite',
        status: 200,
        headers: { 'content-range': undefined },
        body: bytes,
      }),
    ],
    mayEnd: true,
  }),
  answersWindow('F-09', 'a window in answer to another one is refused', {
    rewrites: [
      `bytes ${INNER.start + 1}-${INNER.end}/${INNER_SIZE}`,
      `bytes ${INNER.start}-${INNER.end - 1}/${INNER_SIZE + 1}`,
      `bytes 0-999/${INNER_SIZE}`,
      undefined,
    ].map((range) => () => ({ kind: 'rewrite', headers: { 'content-range': range } })),
  }),
  answersWindow('F-10', 'a window of another version than was opened is refused', {
    rewrites: [() => ({ kind: 'rewrite', headers: { etag: '"another"' } })],
    codes: ['SLUICE_VERSION_CHANGED'],
  }),
  {
    id: 'F-11',
    title: 'a redirect to another host does not take the credentials there',
    needs: ['remote.http'],
    run: (fixture) =>
      throughProxy(fixture, async (far) => {
        const object = { key: sampleKey(), bytes: sampleBytes(1000) };
        const askings = await everyAsking(fixture, far, object);
        const decoy = await startDecoy();
        try {
          for (const status of [301, 302, 307, 308]) {
            const location = `http://127.0.0.1:${decoy.port}/elsewhere`;
            far.proxy.mode({ kind: 'answer', status, headers: { location } });
            // Whether it is followed is the driver's affair; what is taken along is not.
            for (const [, ask] of askings) await ask().catch(() => undefined);
          }
        } finally {
          decoy.server.close();
        }
        assertNoCredentials(decoy.heard(), fixture);
      }),
  },
];

/** How a body may fail that broke off; which of them it is, a client of HTTP cannot always tell. */
const BROKEN: readonly SluiceErrorCode[] = ['SLUICE_TRUNCATED', 'SLUICE_UNAVAILABLE', 'SLUICE_IO'];

/** How an answer fails that is not what was asked for. */
const REFUSED: readonly SluiceErrorCode[] = [
  'SLUICE_VERSION_CHANGED',
  'SLUICE_TRUNCATED',
  'SLUICE_IO',
];

function breaksOff(
  id: string,
  title: string,
  fault: { readonly kind: 'reset' | 'truncate'; readonly after: number },
): ContractCheck {
  return {
    id,
    title,
    needs: ['remote'],
    run: (fixture) =>
      throughProxy(fixture, async ({ driver, proxy }) => {
        const key = sampleKey();
        const bytes = sampleBytes(2 * 1_048_576);
        await fixture.seed(key, bytes);
        const handle = await driver.open(key);
        assert.ok(handle, 'an object that is there cannot be opened');
        proxy.mode(fault);
        assertWholeOrFailed(await readOutcome(handle), bytes, BROKEN);
        // The end of the connection is not the answer that there is nothing.
        proxy.mode({ ...fault, after: 0 });
        await failsWith(BROKEN, () => driver.stat(key), 'stat');
        await handle.close();
      }),
  };
}

interface WindowAnswers {
  /** What is made of the store's answer, one after the other. */
  readonly rewrites: readonly ((bytes: Uint8Array) => Fault)[];
  /** Set where the answer has the right bytes in it, so that a driver may find them. */
  readonly mayEnd?: true;
  readonly codes?: readonly SluiceErrorCode[];
}

/** Reads a window in the middle of an object, and has the store's answer to it changed. */
function answersWindow(
  id: string,
  title: string,
  { rewrites, mayEnd, codes }: WindowAnswers,
): ContractCheck {
  return {
    id,
    title,
    needs: ['remote.http'],
    run: (fixture) =>
      throughProxy(fixture, async ({ driver, proxy }) => {
        const key = sampleKey();
        const bytes = sampleBytes(INNER_SIZE);
        await fixture.seed(key, bytes);
        for (const rewrite of rewrites) {
          proxy.mode({ kind: 'pass' });
          const handle = await driver.open(key);
          assert.ok(handle, 'an object that is there cannot be opened');
          assert.deepEqual(wholeOf(handle), { start: 0, end: INNER_SIZE });
          proxy.mode(rewrite(bytes));
          const outcome = await readOutcome(handle, INNER);
          const wanted = bytes.subarray(INNER.start, INNER.end);
          if (mayEnd) assertWholeOrFailed(outcome, wanted, codes ?? REFUSED);
          else assertCode(errorOf(outcome), codes ?? REFUSED, 'a read with another answer');
          await handle.close();
        }
      }),
  };
}

function errorOf(outcome: Awaited<ReturnType<typeof readOutcome>>): unknown {
  if (outcome.kind === 'failed') return outcome.error;
  return assert.fail('the answer to another question is taken for the answer');
}

interface Decoy {
  readonly server: Server;
  readonly port: number;
  heard(): string;
}

/** A host that nobody is to tell anything, and that answers everything with 404. */
async function startDecoy(): Promise<Decoy> {
  let heard = '';
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      if (!heard.endsWith('\r\n\r\n')) return;
      socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    server,
    port: typeof address === 'object' && address !== null ? address.port : 0,
    heard: () => heard,
  };
}

function assertNoCredentials(heard: string, { credentials = [] }: ContractFixture): void {
  const header = /^(authorization|proxy-authorization|cookie|x-amz-security-token):/im.exec(heard);
  assert.equal(header?.[1], undefined, 'another host is sent credentials');
  for (const [index, secret] of credentials.entries()) {
    assert.ok(!heard.includes(secret), `another host is told a credential (number ${index})`);
  }
}
