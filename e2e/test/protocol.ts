import { field } from '../src/client.ts';
import type { Sender } from '../src/sender.ts';
import { faultsOf } from '../src/verdict.ts';
import { fileOf, senderOf, targetOf, test } from './helpers.ts';
import { DIFFERENCES } from './tables/differences.ts';
import { type Known, OBJECT, PROTOCOL } from './tables/protocol.ts';

/** Asks a sender everything that RFC 9110 says of one object. */
export function testProtocol({ name, habits }: Sender): void {
  const differences = DIFFERENCES[habits];

  for (const { title, method, version, headers, expected } of PROTOCOL) {
    const difference = differences[title];
    const suffix = difference === undefined ? '' : ` (differs: ${difference.because})`;
    test.serial(`${name}: ${title}${suffix}`, async (t) => {
      const sender = senderOf(t, name);
      const { fixture } = t.context;
      const file = fileOf(t, OBJECT);
      const known = knownOf(await sender.ask({ target: targetOf(OBJECT) }));
      const ask = { target: targetOf(OBJECT), method, version, headers: headers?.(known) };
      const answer = await sender.ask(ask);
      t.deepEqual(
        faultsOf(answer, difference?.expected ?? expected, { habits, fixture, file }),
        [],
      );
    });
  }
}

/** Fails where a difference is of no case, or is none. */
export function testDifferences(): void {
  test.serial('no difference is listed in vain', (t) => {
    const cases = new Map(PROTOCOL.map(({ title, expected }) => [title, expected]));
    t.is(cases.size, PROTOCOL.length);
    for (const differences of Object.values(DIFFERENCES)) {
      for (const [title, { expected }] of Object.entries(differences)) {
        t.true(cases.has(title), title);
        t.notDeepEqual(expected, cases.get(title), title);
      }
    }
  });
}

/** What a client knows after it has looked at an object. */
export function knownOf(answer: Parameters<typeof field>[0]): Known {
  const date = field(answer, 'last-modified') ?? '';
  const around = (seconds: number): string =>
    new Date(Date.parse(date) + seconds * 1000).toUTCString();
  return { tag: field(answer, 'etag') ?? '', date, earlier: around(-60), later: around(60) };
}
