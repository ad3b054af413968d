import { createHash } from 'node:crypto';

import { type Answer, type Ask, field } from '../src/client.ts';
import type { Sender } from '../src/sender.ts';
import { senderOf, targetOf, test } from './helpers.ts';
import { knownOf } from './protocol.ts';
import { OBJECT, PROTOCOL } from './tables/protocol.ts';
import {
  CONFUSED_TARGETS,
  forgedHeaders,
  HEADER_CASES,
  INTERNAL_TARGETS,
} from './tables/requests.ts';

/** Asks a server and its emulator the same, and compares all that a client can see. */
export function compare(real: Sender, emulated: Sender): void {
  const ask = async (sender: Sender, t: Parameters<typeof senderOf>[0], asked: Ask) =>
    essenceOf(await senderOf(t, sender.name).ask(asked));

  test.serial(`${emulated.name}: answers the protocol as the server does`, async (t) => {
    const known = knownOf(
      await senderOf(t, real.name).ask({ method: 'HEAD', target: targetOf(OBJECT) }),
    );
    for (const { title, method, version, headers } of PROTOCOL) {
      const asked = { target: targetOf(OBJECT), method, version, headers: headers?.(known) };
      t.deepEqual(await ask(emulated, t, asked), await ask(real, t, asked), title);
    }
  });

  test.serial(`${emulated.name}: answers for every object as the server does`, async (t) => {
    for (const { key } of t.context.fixture.files.values()) {
      if (key.startsWith('slow/')) continue;
      for (const headers of [{}, { range: 'bytes=2-5' }, { range: 'bytes=0-' }]) {
        const asked = { target: targetOf(key), headers };
        t.deepEqual(await ask(emulated, t, asked), await ask(real, t, asked), key);
      }
    }
  });

  test.serial(`${emulated.name}: refuses as the server does`, async (t) => {
    for (const { title, ...asked } of [...CONFUSED_TARGETS, ...INTERNAL_TARGETS]) {
      t.deepEqual(await ask(emulated, t, asked), await ask(real, t, asked), title);
    }
  });

  test.serial(`${emulated.name}: passes on what clients forge as the server does`, async (t) => {
    for (const headers of forgedHeaders(t.context.fixture.path('denied/secret.txt'))) {
      for (const key of ['plain.txt', 'denied/secret.txt']) {
        const asked = { target: targetOf(key), headers };
        t.deepEqual(await ask(emulated, t, asked), await ask(real, t, asked), key);
      }
    }
  });

  test.serial(`${emulated.name}: carries headers as the server does`, async (t) => {
    for (const { title, key } of HEADER_CASES) {
      for (const headers of [{}, { range: 'bytes=0-9' }, { 'if-none-match': '*' }]) {
        const asked = { target: targetOf(key), headers };
        t.deepEqual(await ask(emulated, t, asked), await ask(real, t, asked), title);
      }
    }
  });
}

/** Of the connection, or of the moment. */
const OF_THE_HOP = ['connection', 'date', 'keep-alive', 'server', 'transfer-encoding'];

function essenceOf(answer: Answer): unknown {
  const { status, complete } = answer;
  const type = field(answer, 'content-type');
  const boundary = /^multipart\/byteranges; ?boundary="?([^";]+)/.exec(type ?? '')?.[1];
  const text = (value: string): string =>
    boundary === undefined ? value : value.replaceAll(boundary, 'BOUNDARY');
  const isOwnPage = status >= 400 && field(answer, 'cache-control') !== 'no-store';
  const headers = answer.headers
    .filter(([name]) => !OF_THE_HOP.includes(name))
    // The wording of a server's own pages is no habit that anybody builds on.
    .filter(([name]) => !isOwnPage || !['content-type', 'content-length'].includes(name))
    // Boundaries are of different lengths.
    .filter(([name]) => boundary === undefined || name !== 'content-length')
    .map(([name, value]) => `${name}: ${text(value)}`)
    .toSorted();
  const body = Buffer.from(text(answer.body.toString('latin1')), 'latin1');
  const digest = createHash('sha256').update(body).digest('hex');
  return { status, complete, headers, body: isOwnPage ? 'a page' : digest };
}
