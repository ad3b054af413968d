import { randomUUID } from 'node:crypto';
import { extname } from 'node:path/posix';
import { addAbortSignal, Readable } from 'node:stream';

import {
  assertKey,
  type ByteSource,
  type Call,
  checkOptions,
  type ListEntry,
  type ObjectHandle,
  type ObjectStat,
  parseKey,
  type PutOptions,
  SluiceError,
  type SluiceErrorCode,
  type StorageDriver,
  type StorageKey,
  type Window,
} from '@sluice/core';
import mimeTypes from 'mime-types';

/** A connection to SQLite, as far as the driver needs it: `DatabaseSync` of `node:sqlite` is one. */
export interface SqlDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqlStatement;
}

/** A statement that is prepared once and run many times. */
interface SqlStatement {
  get(...values: SqlValue[]): SqlRow | undefined;
  all(...values: SqlValue[]): SqlRow[];
  run(...values: SqlValue[]): unknown;
}

type SqlValue = string | number | Uint8Array;
type SqlRow = Record<string, unknown>;

/** What {@link createSqliteDriver} takes. */
export interface SqliteDriverOptions {
  /**
   * It stays the application's, which closes it after the driver. The driver makes two tables in it,
   * `objects` and `pieces`, unless they are there.
   */
  readonly database: SqlDatabase;
}

/** A driver that has every method of one that holds bytes itself. */
export interface SqliteDriver extends StorageDriver {
  list(prefix: string, call?: Call): AsyncIterable<ListEntry>;
  put(key: StorageKey, source: ByteSource, options?: PutOptions): Promise<ObjectStat>;
  delete(key: StorageKey, call?: Call): Promise<void>;
  move(from: StorageKey, to: StorageKey, call?: Call): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Creates a driver whose objects are rows of a SQLite database.
 *
 * The bytes of an object lie in pieces of 256 KiB, so that neither a download nor an upload holds
 * more than one of them. Pieces belong to a version and are written once: a replace makes new ones
 * under a new version. A handle that asks for the pieces of its version therefore gets them, or
 * finds that they are gone; bytes of another version it cannot get.
 *
 * SQLite answers at once, on the thread of the application. No transaction spans an `await`, so none
 * is ever open while other code runs.
 *
 * @throws TypeError on an unknown option
 * @throws SluiceError when the tables cannot be made
 */
export function createSqliteDriver(options: SqliteDriverOptions): SqliteDriver {
  const { database } = checkOptions('createSqliteDriver', options, ['database']);
  const sql = query(() => prepareAll(database));
  let closed = false;

  const enter = (call: Call | undefined): void => {
    if (closed) throw new SluiceError('SLUICE_ABORTED', 'the driver is closed');
    checkSignal(call?.signal);
  };
  // A driver is also called by programs without types; a text that is no key finds nothing.
  const find = (key: StorageKey): ObjectStat | undefined => {
    const row = parseKey(key) && query(() => sql.find.get(key));
    return row && statOf(key, row);
  };
  const transact = <T>(work: () => T): T => {
    query(() => database.exec('BEGIN IMMEDIATE'));
    try {
      const result = work();
      query(() => database.exec('COMMIT'));
      return result;
    } catch (error) {
      quietly(() => database.exec('ROLLBACK'));
      throw error;
    }
  };
  const refuseExisting = (key: StorageKey): void => {
    if (!find(key)) return;
    throw new SluiceError('SLUICE_EXISTS', 'there is an object under this key');
  };

  return {
    name: 'sqlite',

    async stat(key, call) {
      enter(call);
      return find(key);
    },

    async open(key, call) {
      enter(call);
      const stat = find(key);
      return stat && openHandle(key, stat, sql);
    },

    async *list(prefix, call) {
      let rows: SqlRow[];
      let last: string | undefined;
      do {
        enter(call);
        // A page at a time: a statement left half-way while the caller works would hold a lock.
        rows = query(() => sql.page.all(last ?? prefix, PAGE));
        for (const row of rows) {
          const key = parseKey(row['key']);
          if (key === undefined || key === last) continue;
          if (!key.startsWith(prefix)) return;
          yield { key, size: Number(row['size']) };
        }
        last = String(rows.at(-1)?.['key']);
      } while (rows.length === PAGE);
    },

    async put(key, source, putOptions = {}) {
      enter(putOptions);
      assertKey('put', key);
      const { ifAbsent = false, signal } = putOptions;
      if (ifAbsent) refuseExisting(key);
      const version = randomUUID();
      query(() => sql.draft.run(version, Date.now()));
      try {
        const size = await writePieces(sql, version, source, signal);
        enter(putOptions);
        return transact(() => {
          if (ifAbsent) refuseExisting(key);
          const modified = Date.now();
          query(() => {
            sql.delete.run(key);
            sql.publish.run(key, size, modified, version);
          });
          return statOf(key, { version, size, modified });
        });
      } catch (error) {
        quietly(() => sql.discard.run(version));
        throw error;
      }
    },

    async delete(key, call) {
      enter(call);
      query(() => sql.delete.run(key));
    },

    async move(from, to, call) {
      enter(call);
      assertKey('move', to);
      return transact(() => {
        if (!find(from)) return false;
        if (from === to) return true;
        query(() => {
          sql.delete.run(to);
          sql.rename.run(to, from);
        });
        return true;
      });
    },

    async close() {
      closed = true;
    },
  };
}

/** Bytes of a piece. Those that are stored may have any size; this is what is written and read. */
const PIECE = 262_144;

/** Rows of a listing that are fetched at once. */
const PAGE = 500;

/** Milliseconds after which an upload that never ended is taken to have died with its process. */
const ABANDONED = 86_400_000;

/** Versions are random and not counted, so that a database made anew never gives one again. */
const TABLES = `
  PRAGMA foreign_keys = ON;
  CREATE TABLE IF NOT EXISTS objects (
    version  TEXT PRIMARY KEY,
    key      TEXT UNIQUE, -- NULL until all of its pieces are there
    size     INTEGER NOT NULL,
    modified INTEGER NOT NULL -- milliseconds since 1970
  );
  CREATE TABLE IF NOT EXISTS pieces (
    version TEXT NOT NULL REFERENCES objects ON DELETE CASCADE,
    start   INTEGER NOT NULL, -- where in the object
    bytes   BLOB NOT NULL,
    PRIMARY KEY (version, start)
  );
  CREATE TRIGGER IF NOT EXISTS pieces_are_written_once BEFORE UPDATE ON pieces
  BEGIN
    SELECT RAISE(ABORT, 'a piece is never changed: make a new version');
  END;
`;

type Statements = ReturnType<typeof prepareAll>;

function prepareAll(database: SqlDatabase) {
  database.exec(TABLES);
  database
    .prepare('DELETE FROM objects WHERE key IS NULL AND modified < ?')
    .run(Date.now() - ABANDONED);
  return {
    find: database.prepare('SELECT version, size, modified FROM objects WHERE key = ?'),
    page: database.prepare('SELECT key, size FROM objects WHERE key >= ? ORDER BY key LIMIT ?'),
    piece: database.prepare(`SELECT substr(bytes, ? - start + 1, ?) AS bytes FROM pieces
      WHERE version = ? AND start <= ? ORDER BY start DESC LIMIT 1`),
    draft: database.prepare('INSERT INTO objects (version, size, modified) VALUES (?, 0, ?)'),
    write: database.prepare('INSERT INTO pieces (version, start, bytes) VALUES (?, ?, ?)'),
    publish: database.prepare(
      'UPDATE objects SET key = ?, size = ?, modified = ? WHERE version = ?',
    ),
    discard: database.prepare('DELETE FROM objects WHERE version = ?'),
    delete: database.prepare('DELETE FROM objects WHERE key = ?'),
    rename: database.prepare('UPDATE objects SET key = ? WHERE key = ?'),
  };
}

function statOf(key: StorageKey, row: SqlRow): ObjectStat {
  const version = String(row['version']);
  const contentType = mimeTypes.contentType(extname(key));
  return {
    size: Number(row['size']),
    // A read asks for this version by its name and is given no other.
    version: { token: version, hold: 'condition' },
    entityTag: `"${version}"`,
    lastModified: Number(row['modified']),
    ...(contentType !== false && { contentType }),
  };
}

function openHandle(key: StorageKey, stat: ObjectStat, sql: Statements): ObjectHandle {
  let closed = false;
  return {
    key,
    stat,

    read(window, call) {
      checkWindow(window, stat.size);
      if (closed) throw new SluiceError('SLUICE_ABORTED', 'the object is closed');
      return readPieces(sql, stat.version.token, window, call?.signal);
    },

    async close() {
      closed = true;
    },
  };
}

/** Each piece is fetched when it is asked for, so a reader that pauses makes this pause. */
async function* readPieces(
  sql: Statements,
  version: string,
  { start, end }: Window,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, undefined> {
  for (let at = start; at < end;) {
    checkSignal(signal);
    const room = Math.min(end - at, PIECE);
    const bytes = query(() => sql.piece.get(at, room, version, at))?.['bytes'];
    if (!(bytes instanceof Uint8Array)) {
      throw new SluiceError('SLUICE_VERSION_CHANGED', 'the object was replaced or removed');
    }
    if (bytes.byteLength === 0) throw new SluiceError('SLUICE_TRUNCATED', 'a piece is missing');
    yield bytes;
    at += bytes.byteLength;
  }
}

/** Stores a source in pieces of one size, whatever the sizes of its own, and gives the length. */
async function writePieces(
  sql: Statements,
  version: string,
  source: ByteSource,
  signal: AbortSignal | undefined,
): Promise<number> {
  const piece = new Uint8Array(PIECE);
  let start = 0;
  let filled = 0;
  const write = (): void => {
    query(() => sql.write.run(version, start, piece.subarray(0, filled)));
    start += filled;
    filled = 0;
  };
  for await (const chunk of chunksOf(source, signal)) {
    for (let at = 0; at < chunk.byteLength;) {
      const part = chunk.subarray(at, at + PIECE - filled);
      piece.set(part, filled);
      at += part.byteLength;
      filled += part.byteLength;
      if (filled === PIECE) write();
    }
  }
  if (filled > 0) write();
  return start;
}

/** Goes through a source of any form. An abort ends it even where it would never give more. */
async function* chunksOf(
  source: ByteSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, undefined> {
  const stream =
    source instanceof Readable
      ? source
      : Readable.from(source instanceof Uint8Array ? [source] : source);
  if (signal !== undefined) addAbortSignal(signal, stream);
  try {
    for await (const chunk of stream) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError('put: a source must give bytes');
      yield chunk;
    }
  } catch (error) {
    checkSignal(signal);
    throw error;
  }
}

function checkWindow({ start, end }: Window, size: number): void {
  const inside = Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end;
  if (inside && end <= size) return;
  throw new SluiceError('SLUICE_RANGE', `the window ${start}–${end} is not inside ${size} bytes`);
}

function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new SluiceError('SLUICE_ABORTED', 'the caller ended the call', { cause: signal.reason });
}

/** Asks SQLite, and tells by cause why it could not answer. What it said stays in `cause`. */
function query<T>(ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    const code = codeOf(error);
    const options = { cause: error, ...(code === 'SLUICE_UNAVAILABLE' && { retryAfter: 1 }) };
    throw new SluiceError(code, 'the database does not answer', options);
  }
}

/** Tidies up after a failure, which says more than what becomes of the tidying. */
function quietly(tidy: () => unknown): void {
  try {
    tidy();
  } catch {
    // SQLite may have rolled back by itself; a version without a key is swept up later.
  }
}

/** By the primary result code, the low byte of `errcode`: https://www.sqlite.org/rescode.html */
function codeOf(error: unknown): SluiceErrorCode {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
  switch (code) {
    case 5: // SQLITE_BUSY: another process writes
    case 6: // SQLITE_LOCKED
    case 7: // SQLITE_NOMEM
      return 'SLUICE_UNAVAILABLE';
    case 3: // SQLITE_PERM
    case 8: // SQLITE_READONLY
      return 'SLUICE_ACCESS_DENIED';
    case 1: // SQLITE_ERROR: the tables are others
    case 14: // SQLITE_CANTOPEN
    case 26: // SQLITE_NOTADB
      return 'SLUICE_CONFIG';
    default:
      return 'SLUICE_IO';
  }
}
