import sqlite from 'node-sqlite3-wasm';

import type { SqlDatabase } from './sqlite-driver.ts';

/** A database that is open. */
export interface OpenDatabase extends SqlDatabase {
  close(): void;
}

/**
 * Opens a database file, or makes it: with `node:sqlite` where Node has it, from 22.13 on, else with
 * SQLite as WebAssembly, which needs no compiler and no download beside the package.
 *
 * An application for newer Nodes alone needs none of this: `new DatabaseSync(path)`.
 *
 * @throws Error when the file cannot be opened
 */
export function openDatabase(path: string): OpenDatabase {
  const module = process.getBuiltinModule('node:sqlite');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the types of Node 20 do not know it
  const native = module as NodeSqlite | undefined;
  return native === undefined ? openWasm(path) : new native.DatabaseSync(path);
}

/** Of `node:sqlite`, what is needed here. */
interface NodeSqlite {
  readonly DatabaseSync: new (path: string) => OpenDatabase;
}

/**
 * SQLite as WebAssembly, in the shape of `node:sqlite`. Its statements are prepared for each use: one
 * that is kept holds a lock after `get`, and fails once more after a failure.
 */
function openWasm(path: string): OpenDatabase {
  const database = new sqlite.Database(path);
  return {
    exec: (text) => numbered(() => database.exec(text)),
    prepare: (text) => ({
      get: (...values) => numbered(() => database.get(text, values)) ?? undefined,
      all: (...values) => numbered(() => database.all(text, values)),
      run: (...values) => numbered(() => database.run(text, values)),
    }),
    close: () => database.close(),
  };
}

/** `node:sqlite` tells the number of a failure and SQLite's words; the other one only these. */
function numbered<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    const text = error instanceof Error ? error.message : '';
    const [, errcode] = MESSAGES.find(([words]) => text.startsWith(words)) ?? [];
    throw errcode === undefined ? error : Object.assign(new Error(text), { errcode });
  }
}

/** What `sqlite3_errstr` says of the codes that a driver tells apart. */
const MESSAGES: readonly (readonly [string, number])[] = [
  ['database is locked', 5],
  ['database table is locked', 6],
  ['out of memory', 7],
  ['attempt to write a readonly database', 8],
  ['unable to open database file', 14],
  ['file is not a database', 26],
  ['no such table', 1],
  ['no such column', 1],
];
