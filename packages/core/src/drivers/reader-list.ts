import { SluiceError } from '../errors.ts';
import { parseKey } from '../keys/storage-key.ts';
import { quote } from '../options.ts';
import type { Call, ListEntry } from '../storage/driver.ts';
import { letGo } from './pull.ts';
import { ask } from './reader-call.ts';
import type { Life } from './reader-life.ts';

/** An object in a reader's listing. */
export interface ReaderListEntry {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/** What a reader lists with. */
export type ReaderListing = AsyncIterable<ReaderListEntry> | Iterable<ReaderListEntry>;

/** What a caller wants to be listed. */
interface Wanted {
  readonly prefix: string;
  readonly call: Call | undefined;
}

/**
 * Lists what a reader lists, but for entries that do not match and keys that are none.
 *
 * @throws SluiceError `SLUICE_IO` for what is no listing, or an entry that is none
 */
export async function* listFrom(
  list: (signal: AbortSignal) => ReaderListing | PromiseLike<ReaderListing>,
  life: Life,
  { prefix, call }: Wanted,
): AsyncGenerator<ListEntry, undefined> {
  const signal = life.enter(call);
  const endUse = life.hold();
  let entries: Entries | undefined;
  try {
    const listing = await life.ask(() => list(signal), signal);
    const begun = await ask(() => entriesOf(listing), signal);
    entries = begun;
    for (;;) {
      const step = await ask(() => begun.next(), signal);
      if (step.done === true) {
        entries = undefined;
        return;
      }
      const { key: text, size } = checkEntry(step.value);
      const key = parseKey(text);
      if (key?.startsWith(prefix) === true) yield { key, size };
    }
  } finally {
    // Not waited for: a generator that hangs cannot return before it goes on.
    letGo(() => entries?.return?.());
    endUse();
  }
}

type Entries = AsyncIterator<ReaderListEntry> | Iterator<ReaderListEntry>;

function entriesOf(listing: ReaderListing): Entries {
  return Symbol.asyncIterator in listing
    ? listing[Symbol.asyncIterator]()
    : listing[Symbol.iterator]();
}

function checkEntry(entry: ReaderListEntry): ReaderListEntry {
  const size: unknown = Object(entry) === entry ? entry.size : undefined;
  if (Number.isSafeInteger(size) && Number(size) >= 0) return entry;
  // What stands there may be anything of the author's, so it goes where only logs see it.
  const cause = new TypeError(`the size of an entry is malformed, got ${quote(size)}`);
  throw new SluiceError('SLUICE_IO', 'the reader lists an entry that is malformed', { cause });
}
