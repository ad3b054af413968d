import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import { type Answer, type Ask, field } from '../src/client.ts';
import type { Sender } from '../src/sender.ts';
import type { ExecutionContext } from 'ava';
import { type Lane, senderOf, targetOf, test } from './helpers.ts';
import { knownOf } from './protocol.ts';
import { type Known, OBJECT, PROTOCOL } from './tables/protocol.ts';
import {
  CONFUSED_TARGETS,
  forgedHeaders,
  HEADER_CASES,
  INTERNAL_TARGETS,
} from './tables/requests.ts';

/** Asks a server and its emulator the same, and compares all that a client can see. */
export function compare(real: Sender, emulated: Sender): void {
  const same = (title: string, cases: (t: ExecutionContext<Lane>) => Cases): void => {
    test.serial(`${emulated.name}: ${title} as the server does`, async (t) => {
      const known = knownOf(await senderOf(t, real.name).ask({ target: targetOf(OBJECT) }));
      const differences: Record<string, unknown> = {};
      for (const [title, askOf] of cases(t)) {
        const asked = askOf(known);
        const is = essenceOf(await senderOf(t, emulated.name).ask(asked));
        const should = essenceOf(await senderOf(t, real.name).ask(asked));
        if (!isDeepStrictEqual(is, should)) differences[title] = { is, should };
      }
      t.deepEqual(differences, {});
    });
  };
  same('answers ranges and conditions', () =>
    PROTOCOL.map(({ title, headers, ...asked }) => [
      title,
      (known) => ({ ...asked, target: targetOf(OBJECT), headers: headers?.(known) }),
    ]),
  );
  same('sends every object', ({ context }) => {
    const keys = [...context.fixture.files.keys()].filter((key) => !key.startsWith('slow/'));
    return crossed(keys, [{}, { range: 'bytes=2-5' }, { range: 'bytes=0-' }]);
  });
  same('carries headers', () => {
    const keys = HEADER_CASES.map(({ key }) => key);
    const dressed = { target: `/dressed${targetOf('plain.txt')}` };
    return [
      ['headers of another middleware', () => dressed],
      ...crossed(keys, [{ range: 'bytes=0-9' }, { 'if-none-match': '*' }, { 'if-match': '"x"' }]),
    ];
  });
  same('passes on what clients forge', ({ context }) => {
    const forged = forgedHeaders(context.fixture.orderFor('denied/secret.txt'));
    return crossed(['plain.txt', 'denied/secret.txt'], forged);
  });
  same('refuses', () =>
    [...CONFUSED_TARGETS, ...INTERNAL_TARGETS].map(({ title, ...asked }) => [title, () => asked]),
  );
}

/** Requests, which may speak of what the client knows of {@link OBJECT}. */
type Cases = readonly (readonly [title: string, ask: (known: Known) => Ask])[];

function crossed(
  keys: readonly string[],
  fields: readonly Readonly<Record<string, string>>[],
): Cases {
  return keys.flatMap((key) =>
    fields.map(
      (headers) =>
        [`${key} ${JSON.stringify(headers)}`, () => ({ target: targetOf(key), headers })] as const,
    ),
  );
}

/** Of the connection, or of the moment. */
const OF_THE_HOP = ['connection', 'date', 'keep-alive', 'server', 'transfer-encoding'];

function essenceOf(answer: Answer): unknown {
  const { status, complete } = answer;
  const type = field(answer, 'content-type');
  const boundary = /^multipart\/byteranges; ?boundary="?([^";]+)/.exec(type ?? '')?.[1];
  const text = (value: string): string =>
    boundary === undefined ? value : value.replaceAll(boundary, 'BOUNDARY');
  // The application's refusals say both; nginx is told to say the first of its own pages, too.
  const isOfApp =
    field(answer, 'cache-control') === 'no-store' &&
    field(answer, 'x-content-type-options') === 'nosniff';
  const isOwnPage = status >= 400 && !isOfApp;
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
