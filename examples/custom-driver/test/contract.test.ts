import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type ContractFixture, contractWithAva } from '@sluice/core/testing';
import test from 'ava';

import { openDatabase, type OpenDatabase } from '../src/database.ts';
import { createSqliteDriver } from '../src/sqlite-driver.ts';

/** Bytes: pieces of other sizes than the driver writes are read all the same. */
const PIECE = 100_000;

/** A database of its own for each check, and a second connection to go around the driver. */
async function createFixture(): Promise<ContractFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-sqlite-'));
  const path = join(folder, 'files.db');
  const database = openDatabase(path);
  const driver = createSqliteDriver({ database });
  const others: OpenDatabase[] = [];
  const connect = (at = path): OpenDatabase => {
    const other = openDatabase(at);
    others.push(other);
    return other;
  };
  const around = connect();
  const remove = around.prepare('DELETE FROM objects WHERE key = ?');
  const object = around.prepare('INSERT INTO objects VALUES (?, ?, ?, ?)');
  const piece = around.prepare('INSERT INTO pieces VALUES (?, ?, ?)');
  return {
    driver,
    async seed(key, bytes) {
      const version = randomUUID();
      around.exec('BEGIN');
      remove.run(key);
      object.run(version, key, bytes.byteLength, Date.now());
      for (let start = 0; start < bytes.byteLength; start += PIECE) {
        piece.run(version, start, bytes.subarray(start, start + PIECE));
      }
      around.exec('COMMIT');
    },
    async remove(key) {
      remove.run(key);
    },
    async touch(key) {
      around.prepare('UPDATE objects SET key = key WHERE key = ?').run(key);
    },
    another: async () => createSqliteDriver({ database: connect() }),
    // What a driver can leave open is a statement or a transaction. Either holds a lock, and then
    // nobody else gets the database for themselves.
    openResources() {
      try {
        around.exec('BEGIN EXCLUSIVE; ROLLBACK');
        return 0;
      } catch {
        return 1;
      }
    },
    secrets: [folder],
    misplaced() {
      const elsewhere = createSqliteDriver({ database: connect(join(folder, 'other.db')) });
      others.at(-1)?.exec('DROP TABLE pieces; DROP TABLE objects');
      return elsewhere;
    },
    async stray(prefix) {
      for (const name of ['a//b', 'line\nbreak', 'folder/', '..']) {
        object.run(randomUUID(), `${prefix}${name}`, 0, 0);
      }
    },
    partSize: 262_144,
    debris() {
      const drafts = around.prepare('SELECT count(*) AS count FROM objects WHERE key IS NULL');
      return Number(drafts.get()?.['count']);
    },
    async dispose() {
      await driver.close();
      for (const one of [database, ...others]) one.close();
      await rm(folder, { recursive: true });
    },
  };
}

await contractWithAva(test, createFixture, {
  without: [
    // The tables refuse it: a piece is never changed.
    'rewriteInPlace',
    // A row takes the room of its bytes.
    'seedSparse',
    // A handle has `read` alone.
    'fills',
    // In a table is nothing but rows: no folder, no link, no pipe.
    'plant',
    // No other program opens an object by a path.
    'localPath',
    'readPath',
    // Nothing lies on a network, and nobody is asked for credentials.
    'signUrl',
    'internalUrl',
    'credentials',
    'remote',
    'refused',
    'seedStale',
  ],
});
