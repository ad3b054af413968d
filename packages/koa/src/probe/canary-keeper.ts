import { isSluiceError, type StorageDriver } from '@sluice/core';
import {
  type Canary,
  canariesOf,
  canaryAt,
  contentOf,
  createRun,
  PROBE_FOLDER,
  PROBE_PROTOCOL,
  type ProbeBegin,
  type ProbeEnd,
  RUN_LIFETIME,
  startOfRun,
} from '@sluice/core/probe';

/** What the keeper tells of a run that begins. */
type BegunRun = Pick<ProbeBegin, 'protocol' | 'run' | 'objection' | 'refused'>;

/** Stores the canaries of a run, and removes them. */
export interface CanaryKeeper {
  /** Stores canaries under names that nobody can guess, and removes those of dead runs. */
  begin(): Promise<BegunRun>;
  /** Removes the canaries of a run. Repeated, or for a run that never was, it changes nothing. */
  end(run: string): Promise<ProbeEnd>;
}

/** Creates a keeper. What it stores at once is bounded by {@link MAX_RUNS}. */
export function createCanaryKeeper(storage: StorageDriver): CanaryKeeper {
  const own = new Set<string>();
  let last: Promise<unknown> = Promise.resolve();

  const begin = async (): Promise<BegunRun> => {
    const run = createRun(Date.now());
    const begun = { protocol: PROBE_PROTOCOL, run, refused: [] };
    if (storage.put === undefined || storage.delete === undefined) {
      return { ...begun, objection: 'the driver of the store cannot put and delete objects' };
    }
    for (const known of own) if (isOver(known)) own.delete(known);
    const running = new Set([...own, ...(await sweep(storage))]);
    if (running.size >= MAX_RUNS) {
      return {
        ...begun,
        objection: 'the canaries of other runs fill the room that probes may take',
      };
    }
    own.add(run);
    const stored = await storeAll(storage, run);
    // It has no canaries, and its doctor gives up.
    if (stored.objection !== undefined) own.delete(run);
    return { ...begun, ...stored };
  };

  return {
    begin() {
      // One after the other, so that together they keep to the bound.
      const turn = last.then(begin);
      last = turn.catch(() => undefined);
      return turn;
    },
    async end(run) {
      const left: string[] = [];
      let removed = 0;
      for (const { id, key } of canariesOf(run)) {
        if (await removes(storage, key)) removed += 1;
        else left.push(id);
      }
      if (left.length === 0) own.delete(run);
      return { removed, left };
    },
  };
}

/** Runs whose canaries may lie in the store at once. */
const MAX_RUNS = 4;

/** Entries of the reserved folder that a sweep looks at; what stays is left for the next one. */
const MAX_ENTRIES = 5000;

async function storeAll(
  storage: StorageDriver,
  run: string,
): Promise<Pick<BegunRun, 'objection' | 'refused'>> {
  const refused: { readonly id: string; readonly reason: string }[] = [];
  const [first, ...others] = canariesOf(run);
  const fault = first && (await faultOfPut(storage, run, first));
  if (fault !== undefined) {
    return { refused, objection: `the store cannot be written to: ${fault}` };
  }
  for (const canary of others) {
    const reason = await faultOfPut(storage, run, canary);
    if (reason !== undefined) refused.push({ id: canary.id, reason });
  }
  return { refused };
}

async function faultOfPut(
  storage: StorageDriver,
  run: string,
  canary: Canary,
): Promise<string | undefined> {
  try {
    await storage.put?.(canary.key, piecesOf(run, canary));
    return undefined;
  } catch (error) {
    // The message may name a path in what a foreign driver throws; a code never does.
    return isSluiceError(error) ? error.code : 'its driver failed';
  }
}

async function* piecesOf(run: string, canary: Canary): AsyncGenerator<Uint8Array, undefined> {
  yield* contentOf(run, canary);
}

/**
 * Removes what runs have left that never ended, where the driver can list.
 *
 * @returns the runs that may still go on
 */
async function sweep(storage: StorageDriver): Promise<ReadonlySet<string>> {
  const running = new Set<string>();
  let seen = 0;
  try {
    for await (const { key } of storage.list?.(`${PROBE_FOLDER}/`) ?? []) {
      seen += 1;
      if (seen > MAX_ENTRIES) break;
      const found = canaryAt(key);
      if (found === undefined) continue;
      if (isOver(found.run)) await removes(storage, found.canary.key);
      else running.add(found.run);
    }
  } catch {
    // A store that cannot be listed now is swept the next time.
  }
  return running;
}

/** A time that lies ahead is none that this clock gave. */
function isOver(run: string): boolean {
  const start = startOfRun(run);
  return start === undefined || Math.abs(Date.now() - start) > RUN_LIFETIME;
}

async function removes(storage: StorageDriver, key: Canary['key']): Promise<boolean> {
  try {
    await storage.delete?.(key);
    return true;
  } catch {
    return false;
  }
}
