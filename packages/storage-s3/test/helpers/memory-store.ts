import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A store in memory that speaks as much S3 as the driver does. Of signatures it looks at the access
 * key alone.
 */
export interface MemoryStore {
  readonly endpoint: string;
  readonly bucket: string;
  put(key: string, bytes: Uint8Array, headers?: Readonly<Record<string, string>>): void;
  remove(key: string): void;
  /** Uploads in parts that are neither complete nor aborted. */
  uploads(): number;
  /** The most bytes of one request so far. */
  largestRequest(): number;
  /** Connections with a request under way. */
  busy(): number;
  close(): Promise<void>;
}

export interface MemoryStoreOptions {
  readonly isVersioned: boolean;
  /** Keys in a page of a listing. */
  readonly pageSize?: number;
  /** Looks at each request first; `true` when it has answered. */
  readonly before?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

interface Stored {
  readonly id: string;
  /** Absent in a delete marker. */
  readonly bytes: Uint8Array | undefined;
  readonly etag: string;
  readonly date: Date;
  readonly headers: Readonly<Record<string, string>>;
}

interface Question {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

const BUCKET = 'memory-bucket';

/** Whoever signs with it is refused. */
export const REFUSED_KEY_ID = 'REFUSED';

/** Starts a store on the loopback. */
export async function startMemoryStore(options: MemoryStoreOptions): Promise<MemoryStore> {
  const { isVersioned, pageSize = 1000, before } = options;
  const objects = new Map<string, Stored[]>();
  const uploads = new Map<
    string,
    { headers: Record<string, string>; parts: Map<number, Buffer> }
  >();
  const busy = new Set<IncomingMessage>();
  let largest = 0;

  const current = (key: string): Stored | undefined => {
    const last = objects.get(key)?.at(-1);
    return last?.bytes === undefined ? undefined : last;
  };
  const find = ({ key, query }: Question): Stored | undefined => {
    const id = query.get('versionId');
    if (id === null) return current(key);
    return objects.get(key)?.find((one) => one.id === id && one.bytes !== undefined);
  };
  const store = (
    key: string,
    bytes: Uint8Array | undefined,
    headers: Readonly<Record<string, string>>,
  ): Stored => {
    const etag = createHash('md5')
      .update(bytes ?? '')
      .digest('hex');
    const id = isVersioned ? randomUUID() : 'null';
    const stored = { id, bytes, etag: `"${etag}"`, date: new Date(), headers };
    objects.set(key, isVersioned ? [...(objects.get(key) ?? []), stored] : [stored]);
    return stored;
  };
  const remove = (key: string): void => {
    if (isVersioned) store(key, undefined, {});
    else objects.delete(key);
  };

  const read = (question: Question): void => {
    const { request, response } = question;
    const found = find(question);
    if (found?.bytes === undefined) return refuse(response, 404, 'NoSuchKey');
    const { 'if-match': ifMatch, range } = request.headers;
    if (ifMatch !== undefined && ifMatch !== found.etag) {
      return refuse(response, 412, 'PreconditionFailed');
    }
    const headers = { ...headersOf(found), 'accept-ranges': 'bytes' };
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    if (first === undefined) return answer(response, 200, found.bytes, headers);
    const [start, end] = [Number(first), Math.min(Number(last) + 1, found.bytes.byteLength)];
    if (start >= end) return refuse(response, 416, 'InvalidRange');
    const contentRange = `bytes ${start}-${end - 1}/${found.bytes.byteLength}`;
    answer(response, 206, found.bytes.subarray(start, end), {
      ...headers,
      'content-range': contentRange,
    });
  };

  const headersOf = (stored: Stored): Record<string, string> => ({
    ...stored.headers,
    etag: stored.etag,
    'last-modified': stored.date.toUTCString(),
    ...(isVersioned && { 'x-amz-version-id': stored.id }),
  });

  /** The bytes of the request, or those of the object that it names instead. */
  const contentOf = ({ request, response, body }: Question): Stored | Buffer | undefined => {
    const source = request.headers['x-amz-copy-source'];
    if (typeof source !== 'string') return body;
    const { pathname, searchParams } = new URL(`http://store/${source}`);
    const key = keyOf(pathname);
    const found = find({ key, query: searchParams } as Question);
    const ifMatch = request.headers['x-amz-copy-source-if-match'];
    if (found === undefined) refuse(response, 404, 'NoSuchKey');
    else if (ifMatch !== undefined && ifMatch !== found.etag) {
      refuse(response, 412, 'PreconditionFailed');
    } else return found;
    return undefined;
  };

  const write = (question: Question): void => {
    const { request, response, key, query } = question;
    if (request.headers['if-none-match'] === '*' && current(key) !== undefined) {
      return refuse(response, 412, 'PreconditionFailed');
    }
    const content = contentOf(question);
    if (content === undefined) return;
    const upload = query.get('uploadId');
    if (upload !== null) return writePart(question, content);
    const stored = Buffer.isBuffer(content)
      ? store(key, content, told(request))
      : store(key, content.bytes, content.headers);
    const xml = `<CopyObjectResult><ETag>${stored.etag}</ETag></CopyObjectResult>`;
    answer(response, 200, Buffer.isBuffer(content) ? '' : xml, headersOf(stored));
  };

  const writePart = ({ request, response, query }: Question, content: Stored | Buffer): void => {
    const upload = uploads.get(query.get('uploadId') ?? '');
    if (upload === undefined) return refuse(response, 404, 'NoSuchUpload');
    const [, first, last] =
      /^bytes=(\d+)-(\d+)$/.exec(String(request.headers['x-amz-copy-source-range'])) ?? [];
    const bytes = Buffer.isBuffer(content)
      ? content
      : Buffer.from(content.bytes ?? '').subarray(Number(first), Number(last) + 1);
    upload.parts.set(Number(query.get('partNumber')), bytes);
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    answer(response, 200, `<CopyPartResult><ETag>${etag}</ETag></CopyPartResult>`, { etag });
  };

  const post = ({ request, response, key, query }: Question): void => {
    if (query.has('uploads')) {
      const id = randomUUID();
      uploads.set(id, { headers: told(request), parts: new Map() });
      const xml = `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`;
      return answer(response, 200, xml);
    }
    const id = query.get('uploadId') ?? '';
    const upload = uploads.get(id);
    if (upload === undefined) return refuse(response, 404, 'NoSuchUpload');
    if (request.headers['if-none-match'] === '*' && current(key) !== undefined) {
      return refuse(response, 412, 'PreconditionFailed');
    }
    uploads.delete(id);
    const parts = [...upload.parts].toSorted(([a], [b]) => a - b).map(([, bytes]) => bytes);
    const stored = store(key, Buffer.concat(parts), upload.headers);
    const xml = `<CompleteMultipartUploadResult><ETag>${stored.etag}</ETag></CompleteMultipartUploadResult>`;
    answer(response, 200, xml, headersOf(stored));
  };

  const list = ({ response, query }: Question): void => {
    const prefix = query.get('prefix') ?? '';
    const after = query.get('continuation-token') ?? '';
    const encode = (key: string): string => encodeURIComponent(key).replaceAll('%20', '+');
    const keys = [...objects.keys()]
      .filter((key) => key.startsWith(prefix) && encode(key) > after && current(key) !== undefined)
      .toSorted((a, b) => (encode(a) < encode(b) ? -1 : 1));
    const page = keys.slice(0, pageSize);
    const entries = page.map((key) => {
      const size = current(key)?.bytes?.byteLength;
      return `<Contents><Key>${encode(key)}</Key><Size>${size}</Size></Contents>`;
    });
    const more = keys.length > page.length;
    const next = `<NextContinuationToken>${encode(page.at(-1) ?? '')}</NextContinuationToken>`;
    const xml = `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>${more ? next : ''}${entries.join('')}</ListBucketResult>`;
    answer(response, 200, xml);
  };

  const respond = (question: Question): void => {
    const { request, response, key, query } = question;
    const { method = '' } = request;
    if (method === 'PUT') return write(question);
    if (method === 'POST') return post(question);
    if (method === 'HEAD' && key === '') return answer(response, 200, '');
    if (method === 'GET' && key === '') return list(question);
    if (method !== 'DELETE') return read(question);
    if (query.has('uploadId')) uploads.delete(query.get('uploadId') ?? '');
    else remove(key);
    answer(response, 204, '');
  };

  const server = createServer((request, response) => {
    busy.add(request);
    response.on('close', () => busy.delete(request));
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => void pieces.push(piece));
    request.on('end', () => {
      if (before?.(request, response) === true) return;
      const { pathname, searchParams: query } = new URL(request.url ?? '', 'http://store');
      if (request.headers.authorization?.includes(`=${REFUSED_KEY_ID}/`) === true) {
        return refuse(response, 403, 'InvalidAccessKeyId');
      }
      if (pathname.split('/')[1] !== BUCKET) return refuse(response, 404, 'NoSuchBucket');
      const body = Buffer.concat(pieces);
      largest = Math.max(largest, body.byteLength);
      respond({ request, response, key: keyOf(pathname), query, body });
    });
  });
  // By itself it would end connections at rest in the middle of a slow test.
  server.keepAliveTimeout = 600_000;
  server.on('connection', (socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bucket: BUCKET,
    put: (key, bytes, headers = {}) => void store(key, bytes, headers),
    remove,
    uploads: () => uploads.size,
    largestRequest: () => largest,
    busy: () => busy.size,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function keyOf(path: string): string {
  return decodeURIComponent(path)
    .replace(/^\/+/, '')
    .slice(BUCKET.length + 1);
}

/** What a store keeps of the headers that it was told an object with. */
function told({ headers }: IncomingMessage): Record<string, string> {
  const names = ['content-type', 'content-encoding'];
  return Object.fromEntries(
    names.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])]])),
  );
}

function answer(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): void {
  const length = String(Buffer.byteLength(body));
  response.writeHead(status, { ...headers, ...(status !== 204 && { 'content-length': length }) });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

function refuse(response: ServerResponse, status: number, code: string): void {
  answer(response, status, `<Error><Code>${code}</Code></Error>`);
}
