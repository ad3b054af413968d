/** What the application tells at the begin of a run. */
export interface ProbeBegin {
  /** Grows when the two sides would no longer understand each other. */
  readonly protocol: number;
  readonly run: string;
  /** Versions of the packages: `{ koa: '1.2.0', core: '1.2.0' }`. */
  readonly versions: Readonly<Record<string, string>>;
  /** The front server that the application counts on; absent where it streams. */
  readonly dialect?: { readonly name: string; readonly header: string };
  /** The name of the driver. */
  readonly storage: string;
  /** Why there are no canaries, in one sentence; absent where there are. */
  readonly objection?: string;
  /** Milliseconds to wait before canaries are downloaded: younger ones are not offloaded. */
  readonly settling: number;
  /** Canaries that the store did not take, with the reason. */
  readonly refused: readonly { readonly id: string; readonly reason: string }[];
}

/** What the application tells of its canaries, once they are old enough to be offloaded. */
export interface ProbeDescription {
  readonly canaries: readonly CanaryDescription[];
  /** An order for a file that nobody has looked at; absent where there are no orders. */
  readonly unchecked?: { readonly key: string; readonly order: string; readonly path: string };
}

/** What the application tells of one canary. */
export interface CanaryDescription {
  readonly id: string;
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
  /** The headers that must reach the client, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Who sends it: the front server by order, or the application itself. */
  readonly sender: 'front' | 'application';
  readonly why: string;
  /** The value of the order's header, where the front server sends it. */
  readonly order?: string;
  /** Where the object lies on the application's disk, where the store says so. */
  readonly path?: string;
}

/** What the application saw of one request. */
export interface ProbeArrival {
  /** The connection that it came on, and how many requests of this probe came on it so far. */
  readonly connection: { readonly id: string; readonly requests: number };
  /** `1.0`, `1.1`. */
  readonly httpVersion: string;
  /** Headers of the request that are orders to a front server, as they arrived. */
  readonly controlHeaders: readonly (readonly [name: string, value: string])[];
}

/** What the application tells at the end of a run. */
export interface ProbeEnd {
  readonly removed: number;
  /** Ids of canaries that could not be removed. */
  readonly left: readonly string[];
}

/** What can be asked of a run beside its downloads. */
export type ProbeQuestion = 'describe' | 'arrival' | 'stray' | 'end';

/** Grows when the two sides would no longer understand each other. */
export const PROBE_PROTOCOL = 1;

/** The media type of the answers, by which a doctor tells them from those of somebody else. */
export const PROBE_MEDIA_TYPE = 'application/vnd.sluice.probe+json';

/** The key to which a run is asked to begin. */
export const BEGIN_KEY = 'sluice-probe/begin';

/** The key of a question about a run. */
export function questionKey(run: string, question: ProbeQuestion): string {
  return `sluice-probe/${run}/${question}`;
}

/** Reads the key of a question; `undefined` for any other key. */
export function questionAt(
  key: string,
): { readonly run: string; readonly question: ProbeQuestion } | undefined {
  const [, run, question] = /^sluice-probe\/([\da-z]{9}-[\da-f]{16})\/(\w+)$/.exec(key) ?? [];
  if (run === undefined || !isQuestion(question)) return undefined;
  return { run, question };
}

const QUESTIONS: readonly unknown[] = [
  'describe',
  'arrival',
  'stray',
  'end',
] satisfies ProbeQuestion[];

function isQuestion(value: unknown): value is ProbeQuestion {
  return QUESTIONS.includes(value);
}
