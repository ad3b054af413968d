/** A real object store that runs as children of this process, on the loopback, in a folder of its own. */
export interface StoreEngine {
  readonly name: 'ceph' | 'swift';
  /** What the store is reached at: `http://127.0.0.1:PORT`. Buckets are named in the path. */
  readonly endpoint: string;
  readonly region: string;
  /** Whose buckets they are. */
  readonly credentials: StoreCredentials;
  /** A second user, who may see none of them. */
  readonly otherCredentials: StoreCredentials;
  /** The temporary folder of all that it writes; gone once it has stopped. */
  readonly folder: string;
  /** How many nodes hold replicas; they count from 0. */
  readonly nodes: number;

  /** Makes a bucket that nobody else uses, and gives its name. */
  createBucket(options?: BucketOptions): Promise<string>;

  /** Kills a node that holds replicas, at once; resolves when it is gone. */
  killNode(node: number): Promise<void>;

  /** Starts a node that was killed, and waits until it answers; one that runs stays as it is. */
  startNode(node: number): Promise<void>;

  /** Stops the gateway where it stands: connections stay open, and nothing comes. */
  pauseGateway(): void;

  /** Lets the gateway go on. */
  resumeGateway(): void;

  /** What the servers have said lately. */
  logs(): string;

  /** Ends every process of the engine, and removes its folder. Idempotent. */
  stop(): Promise<void>;
}

/** How many objects an engine lists in one answer. */
export const PAGE_SIZE = 20;

/** Who somebody is to an S3-compatible store. */
export interface StoreCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What {@link StoreEngine.createBucket} takes. */
export interface BucketOptions {
  /** Whether every version of an object stays; default: no. */
  readonly versioned?: boolean | undefined;
}
