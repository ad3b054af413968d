import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Sluice, type StorageDriver, type StorageKey, urlForKey } from '@sluice/core';

import { readCatalog } from './catalog.ts';
import { people, type Person } from './people.ts';

/** A command for the reader to try. */
export interface CurlLine {
  readonly shows: 'allowed' | 'denied' | 'range' | 'resumed';
  readonly command: string;
}

/**
 * Writes commands that work as they stand: the same object as one person who may have it and as one
 * who may not, a range of it, and the largest object in two goes. What the store holds nothing for
 * is left out.
 */
export async function curlLines(
  origin: string,
  storage: StorageDriver,
  sluice: Sluice<Person>,
): Promise<readonly CurlLine[]> {
  const objects = await readAccess(storage, sluice);
  const small = objects.find(
    ({ size, allowed, denied }) => size >= 16 && allowed !== undefined && denied !== undefined,
  );
  const large = objects.findLast(({ size, allowed }) => size >= 2 && allowed !== undefined);
  return [
    ...(small === undefined ? [] : linesOfSmall(origin, small)),
    ...(large === undefined ? [] : [lineOfLarge(origin, large)]),
  ];
}

/** Writes the commands below each other, each under what it shows. */
export function formatCurlLines(lines: readonly CurlLine[]): string {
  return lines.map(({ shows, command }) => `  # ${shows}\n  ${command}\n`).join('\n');
}

interface Access {
  readonly key: StorageKey;
  readonly size: number;
  /** The first person who may download it. */
  readonly allowed: Person | undefined;
  /** The first person who may not, and is told that there is nothing. */
  readonly denied: Person | undefined;
}

/** The smallest first. */
async function readAccess(
  storage: StorageDriver,
  sluice: Sluice<Person>,
): Promise<readonly Access[]> {
  const { entries } = await readCatalog(storage, sluice, undefined);
  const rows = await Promise.all(
    entries.map(async ({ key, size }) => {
      const answers = await Promise.all(
        people.map(async (subject) => ({ subject, ...(await sluice.explain({ subject, key })) })),
      );
      return {
        key,
        size,
        allowed: answers.find(({ effect }) => effect === 'allow')?.subject,
        denied: answers.find(({ status }) => status === 404)?.subject,
      };
    }),
  );
  return rows.toSorted((a, b) => a.size - b.size);
}

function linesOfSmall(origin: string, { key, allowed, denied }: Access): readonly CurlLine[] {
  const url = fileUrl(origin, key);
  return [
    { shows: 'allowed', command: `curl -i ${credentials(allowed)} ${url}` },
    { shows: 'denied', command: `curl -i ${credentials(denied)} ${url}` },
    { shows: 'range', command: `curl -i ${credentials(allowed)} -r 4-15 ${url}` },
  ];
}

/** The first half, then the rest of it: `-C -` asks from where the file on the disk ends. */
function lineOfLarge(origin: string, { key, size, allowed }: Access): CurlLine {
  const fetched = `curl ${credentials(allowed)} -o ${quote(join(tmpdir(), 'sluice-resumed.bin'))}`;
  const url = fileUrl(origin, key);
  const half = `${fetched} -r 0-${Math.floor(size / 2) - 1} ${url}`;
  return { shows: 'resumed', command: `${half} && ${fetched} -C - ${url}` };
}

function credentials(person: Person | undefined): string {
  return person === undefined ? '' : `-u ${person.id}:${person.id}`;
}

/** It needs no quotes: `urlForKey` leaves no character that a shell or curl's globbing reads. */
function fileUrl(origin: string, key: StorageKey): string {
  return `${origin}/files/${urlForKey(key)}`;
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
