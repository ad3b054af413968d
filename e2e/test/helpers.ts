import { parseKey, urlForKey } from '@sluice/core';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';

import { createFixture, type Fixture, type StoredFile } from '../src/fixture.ts';
import type { RunningSender, Sender } from '../src/sender.ts';

/** What the tests of a file share: one store, and every sender in front of it. */
export interface Lane {
  readonly fixture: Fixture;
  /** By name. */
  readonly senders: ReadonlyMap<string, RunningSender>;
}

/** A test of a lane. Serial: requests that wait for each other would be measured by the others. */
export const test: TestFn<Lane> = anyTest as TestFn<Lane>;

/**
 * Starts all senders before the tests of a file, and stops them at its end, whatever happens.
 *
 * @param createStore makes the store; default: one on the disk
 */
export function openLane(
  senders: readonly Sender[],
  createStore: () => Promise<Fixture> = createFixture,
): void {
  const opened: { fixture?: Fixture; senders: RunningSender[] } = { senders: [] };
  test.before('every sender starts', async (t) => {
    t.timeout(120_000);
    const fixture = await createStore();
    opened.fixture = fixture;
    const started = await Promise.allSettled(senders.map((sender) => sender.start(fixture)));
    for (const outcome of started) {
      if (outcome.status === 'fulfilled') opened.senders.push(outcome.value);
    }
    const failed = started.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    const byName = new Map(opened.senders.map((sender) => [sender.name, sender]));
    Object.assign(t.context, { fixture, senders: byName });
  });
  test.afterEach.always('say what the server of a failed test has said', (t) => {
    if (t.passed) return;
    const sender = opened.senders.find(({ name }) => t.title.includes(` for ${name}: `));
    if (sender !== undefined) t.log(sender.logs());
  });
  test.after.always('every sender stops', async (t) => {
    const stopped = opened.senders.map((sender) => sender.stop());
    await Promise.all(stopped);
    await opened.fixture?.remove();
    t.pass();
  });
}

/** A sender that runs, by its name. */
export function senderOf(t: ExecutionContext<Lane>, name: string): RunningSender {
  const sender = t.context.senders.get(name);
  if (sender === undefined) throw new Error(`${name} does not run`);
  return sender;
}

/** A file of the store, by its key. */
export function fileOf(t: ExecutionContext<Lane>, key: string): StoredFile {
  const file = t.context.fixture.files.get(key);
  if (file === undefined) throw new Error(`the store has no ${key}`);
  return file;
}

/** The request target of a key. */
export function targetOf(key: string): string {
  const checked = parseKey(key);
  if (checked === undefined) throw new Error(`${JSON.stringify(key)} is no key`);
  return `/files/${urlForKey(checked)}`;
}
