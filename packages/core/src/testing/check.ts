import { type OptionalMethod, OPTIONAL_METHODS } from '../drivers/wrapped.ts';
import type { StorageKey } from '../keys/storage-key.ts';
import type { StorageDriver } from '../storage/driver.ts';
import type { NetworkAddress } from './fault.ts';

/** One promise of the driver contract, and the proof that a driver keeps it. */
export interface ContractCheck {
  /** A letter for the group and a number, which never change: `S-01`. */
  readonly id: string;
  /** A sentence about the driver's behaviour. */
  readonly title: string;
  /** What the check cannot be run without. Where one is absent it is reported as skipped. */
  readonly needs?: readonly ContractNeed[];
  /** Set where something of the whole process is measured, so that no other may run beside it. */
  readonly alone?: true;
  /** Resolves when the promise is kept; rejects with what was seen instead. */
  run(fixture: ContractFixture): Promise<void>;
}

/**
 * What a check may need: an optional method of the driver, or an optional member of the fixture.
 * `plant` stands for every kind of plant.
 */
export type ContractNeed = OptionalMethod | FixtureNeed | 'plant' | `plant.${PlantKind}`;

/**
 * A driver over a store, and the ways around the driver that a check needs.
 *
 * Every check gets a fixture of its own, and takes keys that no other check takes, so that fixtures
 * may share one store and checks may run side by side. No check expects the store to be empty.
 */
export interface ContractFixture {
  readonly driver: StorageDriver;

  /**
   * Stores an object, or replaces one, around the driver and at once: whoever looks sees the old
   * object or the new one. On a disk: write beside it, then rename. A store that shows changes late
   * must wait here until it shows this one.
   */
  seed(key: StorageKey, bytes: Uint8Array, meta?: SeedMeta): Promise<void>;

  /** Removes an object around the driver. */
  remove(key: StorageKey): Promise<void>;

  /** Writes other bytes into an object that stays the same one, and cuts it to their length. */
  rewriteInPlace?(key: StorageKey, bytes: Uint8Array): Promise<void>;

  /** Changes what the store keeps beside the bytes, as a mode; no byte, and no time of writing. */
  touch?(key: StorageKey): Promise<void>;

  /** Stores an object of so many zero bytes that takes no room. */
  seedSparse?(key: StorageKey, size: number): Promise<void>;

  /** Set where the handles of the driver have `fill`, which nobody can see before one is open. */
  readonly fills?: true;

  /** Puts things that are no objects where a key would name one. */
  readonly plant?: Plant;

  /** A second driver on the same store. The fixture closes it. */
  another?(): Promise<StorageDriver>;

  /** How many descriptors, sockets or handles the driver holds now. */
  openResources?(): number | Promise<number>;

  /** What no text of an error may hold, as the root folder, the bucket, the credentials. Not empty. */
  readonly secrets?: readonly string[];

  /** What no URL that the driver signs may hold, as the secret half of the credentials. Not empty. */
  readonly credentials?: readonly string[];

  /** The store as a place on the network, for checks with a faulty connection to it. */
  readonly remote?: RemoteStore;

  /** A driver on the same store, whose credentials the store refuses. The fixture closes it. */
  refused?(): StorageDriver | Promise<StorageDriver>;

  /** A driver set up wrongly, as for a bucket or a root that is not there. The fixture closes it. */
  misplaced?(): StorageDriver | Promise<StorageDriver>;

  /**
   * Stores an object and replaces it in such a way that the store gives now the older bytes and now
   * the newer, as with a replica that was away meanwhile.
   */
  seedStale?(key: StorageKey, older: Uint8Array, newer: Uint8Array): Promise<void>;

  /**
   * Puts what is no object below a prefix of keys, under names that break the grammar of keys: as
   * `<prefix>a//b`, `<prefix>line\nbreak`, `<prefix>folder/`; as many kinds as the store can hold.
   */
  stray?(prefix: string): Promise<void>;

  /** How many entries of a listing the driver asks for at once; checks then list more than that. */
  readonly pageSize?: number;

  /** Bytes above which the driver stores an object in parts; checks then put more than that. */
  readonly partSize?: number;

  /** How many unfinished writes lie in the store, as temporary files and uploads not completed. */
  debris?(): number | Promise<number>;

  /** Reads what lies at a path of `localPath`, as a front server does. */
  readPath?(path: string): Promise<Uint8Array>;

  /** Closes the driver and removes the store. It is called once, after the check. */
  dispose(): Promise<void>;
}

/** A store that is reached over TCP. */
export interface RemoteStore {
  /** Where it listens. */
  readonly target: NetworkAddress;
  /**
   * Makes a driver on the same store that reaches it at another address, where a proxy forwards to
   * `target`. It makes one attempt at each call and has the time limits that `patience` speaks of.
   * The check closes it, where it has `close`.
   */
  connect(address: NetworkAddress): StorageDriver | Promise<StorageDriver>;
  /**
   * Milliseconds after which that driver gives up on a store that is silent, the same before an
   * answer and within one: few, since checks wait for it, and enough for the store to answer in.
   */
  readonly patience: number;
  /**
   * Set where the store speaks HTTP/1.1 without TLS and gives windows by `Range`: then its answers
   * are tampered with, too.
   */
  readonly http?: true;
}

/** What a store may be told of an object. A store that has no place for it ignores it. */
export interface SeedMeta {
  readonly contentType?: string;
  readonly contentEncoding?: string;
}

/** How to put each kind of thing under a key; a kind that a store cannot have is left out. */
export type Plant = Readonly<Partial<Record<PlantKind, (key: StorageKey) => Promise<void>>>>;

/**
 * What may stand where an object is looked for:
 *
 * - `directory`, an empty folder; `fifo`; `socket`; `device`, a character or block device;
 * - `link-out`, a link to a regular file outside of the store; `link-dangling`, one to nothing;
 * - `parent-link-out`, a link in place of the key's first segment, to a folder outside of the store
 *   that does hold a file under the rest of the key.
 */
export type PlantKind = (typeof plantKinds)[number];

type FixtureNeed = (typeof fixtureNeeds)[number] | 'remote.http';

/** Tells which needs of a check a fixture does not meet. */
export function missingNeeds(
  check: Pick<ContractCheck, 'needs'>,
  fixture: ContractFixture,
): readonly ContractNeed[] {
  const offers = offersOf(fixture);
  return (check.needs ?? []).filter((need) => !offers.has(need));
}

/** Tells whether a text names a need that there is. */
export function isNeed(name: string): boolean {
  const all: readonly string[] = [
    ...OPTIONAL_METHODS,
    ...fixtureNeeds,
    'remote.http',
    'plant',
    ...plantKinds.map((kind) => `plant.${kind}`),
  ];
  return all.includes(name);
}

const plantKinds = [
  'directory',
  'fifo',
  'socket',
  'device',
  'link-out',
  'link-dangling',
  'parent-link-out',
] as const;

const fixtureNeeds = [
  'rewriteInPlace',
  'touch',
  'seedSparse',
  'fills',
  'another',
  'openResources',
  'secrets',
  'credentials',
  'remote',
  'refused',
  'misplaced',
  'seedStale',
  'stray',
  'partSize',
  'debris',
  'readPath',
] as const;

function offersOf(fixture: ContractFixture): ReadonlySet<ContractNeed> {
  return new Set<ContractNeed>([
    ...OPTIONAL_METHODS.filter((name) => fixture.driver[name] !== undefined),
    ...fixtureNeeds.filter((name) => fixture[name] !== undefined),
    ...(fixture.remote?.http === true ? ['remote.http' as const] : []),
    ...(plantKinds.some((kind) => fixture.plant?.[kind] !== undefined) ? ['plant' as const] : []),
    ...plantKinds
      .filter((kind) => fixture.plant?.[kind] !== undefined)
      .map((kind) => `plant.${kind}` as const),
  ]);
}
