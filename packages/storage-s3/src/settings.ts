import { checkOptions, integerOption, quote } from '@sluice/core';

/** Where the objects lie, and how the store is spoken to. */
export interface S3DriverOptions {
  /** The bucket. It must exist: the driver makes none. */
  readonly bucket: string;
  /**
   * The address of the store, `https://s3.example.com`; a path in it is kept.
   *
   * @default undefined, which is AWS in `region`
   */
  readonly endpoint?: string;
  /**
   * The address under which clients reach the store, where it differs: for `signUrl`. Nothing is
   * ever sent there.
   *
   * @default `endpoint`
   */
  readonly publicEndpoint?: string;
  /**
   * The region that requests are signed for.
   *
   * @default 'us-east-1' with an `endpoint`; else what the AWS SDK finds in the environment
   */
  readonly region?: string;
  /**
   * The key pair, or a function that gives one, as the credential providers of the AWS SDK do; it
   * is asked again when the pair expires.
   *
   * @default what the AWS SDK finds: environment, shared files, the role of the machine
   */
  readonly credentials?: S3Credentials | (() => Promise<S3Credentials>);
  /**
   * Whether the bucket stands in the path, `https://s3.example.com/bucket/key`, and not in the host.
   *
   * @default true with an `endpoint`, else false
   */
  readonly forcePathStyle?: boolean;
  /**
   * Whether AccessDenied for an object means that there is none. So AWS and Ceph answer for what is
   * missing when the credentials may not list the bucket. All other refusals, as of a wrong key or
   * an expired token, stay failures.
   *
   * @default false
   */
  readonly missingAs403?: boolean;
  /** How long is waited for the store. */
  readonly timeouts?: S3Timeouts;
  /**
   * How many connections there are at most. A body keeps one until it ends, with a slow client for
   * long; who finds none free waits, for at most `timeouts.answer`.
   *
   * @default 256
   */
  readonly maxSockets?: number;
  /**
   * Bytes from 5 MiB to 5 GiB, and what a `put` keeps in memory at most. A longer source is uploaded
   * in parts of this size, of which there can be 10,000.
   *
   * @default 8 MiB
   */
  readonly partSize?: number;
}

/** A key pair of the store. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string;
  /** When they end, and with them the URLs that were signed with them. */
  readonly expiration?: Date;
}

/** Milliseconds. */
export interface S3Timeouts {
  /**
   * Until the store answers a question, the wait for a free connection and further attempts included.
   *
   * @default 30_000
   */
  readonly answer?: number;
  /**
   * Between two pieces of a body, while somebody waits for them; a reader may take his time.
   *
   * @default 30_000
   */
  readonly idle?: number;
  /**
   * Until the store has taken what one request writes: an object, a part of it, a copy.
   *
   * @default 300_000
   */
  readonly write?: number;
}

/** Options that were checked, with their defaults. */
export interface Settings {
  readonly bucket: string;
  readonly endpoint: string | undefined;
  readonly publicEndpoint: string | undefined;
  readonly region: string | undefined;
  readonly credentials: S3DriverOptions['credentials'];
  readonly forcePathStyle: boolean;
  readonly missingAs403: boolean;
  readonly timeouts: Required<S3Timeouts>;
  readonly maxSockets: number;
  readonly partSize: number;
}

/** @throws TypeError for a mistake, quoting the value, but nothing of the credentials */
export function checkSettings(options: S3DriverOptions): Settings {
  const own = checkOptions(OWNER, options, OPTIONS);
  const endpoint = endpointOption('endpoint', own.endpoint);
  const region = textOption('region', own.region);
  checkBucket(own.bucket);
  checkCredentials(own.credentials);
  return {
    bucket: own.bucket,
    endpoint,
    publicEndpoint: endpointOption('publicEndpoint', own.publicEndpoint),
    region: region ?? (endpoint === undefined ? undefined : 'us-east-1'),
    credentials: own.credentials,
    forcePathStyle: flagOption('forcePathStyle', own.forcePathStyle) ?? endpoint !== undefined,
    missingAs403: flagOption('missingAs403', own.missingAs403) ?? false,
    timeouts: checkTimeouts(own.timeouts),
    maxSockets: integerOption(OWNER, 'maxSockets', own.maxSockets, { least: 1, fallback: 256 }),
    partSize: integerOption(OWNER, 'partSize', own.partSize, {
      least: LEAST_PART,
      most: MOST_PART,
      fallback: 8 * 1_048_576,
    }),
  };
}

/** Tells whether a value is a key pair whose public parts can stand in a header. */
export function areCredentials(value: unknown): value is S3Credentials {
  if (typeof value !== 'object' || value === null) return false;
  const secret: unknown = Reflect.get(value, 'secretAccessKey');
  const sessionToken: unknown = Reflect.get(value, 'sessionToken');
  return (
    isVisible(Reflect.get(value, 'accessKeyId')) &&
    isText(secret) &&
    (sessionToken === undefined || isVisible(sessionToken))
  );
}

const OWNER = 'createS3Driver';

const OPTIONS = [
  'bucket',
  'endpoint',
  'publicEndpoint',
  'region',
  'credentials',
  'forcePathStyle',
  'missingAs403',
  'timeouts',
  'maxSockets',
  'partSize',
];

/** Bytes: what the protocol allows a part to have, but for the last one. */
const LEAST_PART = 5 * 1_048_576;
const MOST_PART = 5 * 1_073_741_824;

/** The most milliseconds that a timer of Node takes. */
const MAX_MILLISECONDS = 2 ** 31 - 1;

function checkTimeouts(timeouts: S3Timeouts = {}): Required<S3Timeouts> {
  const own = checkOptions(`${OWNER}: timeouts`, timeouts, ['answer', 'idle', 'write']);
  const limit = (name: keyof S3Timeouts, fallback: number): number =>
    integerOption(OWNER, `timeouts.${name}`, own[name], {
      least: 1,
      most: MAX_MILLISECONDS,
      fallback,
    });
  return {
    answer: limit('answer', 30_000),
    idle: limit('idle', 30_000),
    write: limit('write', 300_000),
  };
}

/** Names of AWS and of stores that allow more, but nothing that would be a part of a path. */
function checkBucket(bucket: unknown): void {
  if (typeof bucket === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(bucket)) return;
  throw new TypeError(`${OWNER}: bucket must be the name of a bucket, got ${quote(bucket)}`);
}

function endpointOption(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  const isWeb = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === undefined || !isWeb || url.username !== '' || url.password !== '') {
    // What does not parse may be a URL with a password in it.
    throw new TypeError(`${OWNER}: ${name} must be an http or https URL without a user`);
  }
  if (url.search !== '' || url.hash !== '') {
    throw new TypeError(
      `${OWNER}: ${name} must have no query and no fragment, got ${quote(value)}`,
    );
  }
  return url.href.replace(/\/+$/, '');
}

function textOption(name: string, value: unknown): string | undefined {
  if (value === undefined || isText(value)) return value;
  throw new TypeError(`${OWNER}: ${name} must be a text, got ${quote(value)}`);
}

function flagOption(name: string, value: unknown): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  throw new TypeError(`${OWNER}: ${name} must be true or false, got ${quote(value)}`);
}

/** Nothing of what was given is quoted: it may be the secret. */
function checkCredentials(credentials: S3DriverOptions['credentials']): void {
  if (credentials === undefined || typeof credentials === 'function') return;
  if (areCredentials(credentials)) return;
  throw new TypeError(
    `${OWNER}: credentials must be { accessKeyId, secretAccessKey }, texts that can stand in a header, or a function that gives them`,
  );
}

function isVisible(value: unknown): boolean {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
