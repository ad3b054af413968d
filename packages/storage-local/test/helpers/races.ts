import { closeSync, open as openCallback, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';

import type { ExecutionContext } from 'ava';

const openAsync = promisify(openCallback);

/** Swaps in an endless loop, in a thread of its own, what a path means. */
export function startAttacker(t: ExecutionContext, script: string, folders: object): Worker {
  const code = `const fs = require('node:fs'); const { root, outside } = require('node:worker_threads').workerData;
    for (;;) { ${script} }`;
  const worker = new Worker(code, { eval: true, workerData: folders });
  worker.on('error', (error) => t.fail(String(error)));
  t.teardown(() => worker.terminate());
  return worker;
}

/** Opens as most servers do: the control that shows that this harness finds leaks. */
export async function openNaively(key: string, root: string): Promise<string | undefined> {
  let fd: number | undefined;
  try {
    fd = await openAsync(join(root, key), 'r');
    return readFileSync(fd, 'utf8');
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

export interface Race {
  readonly remark: string;
  readonly key: string;
  readonly script: string;
}

/** What somebody who can write below the root does to catch a moment between two looks. */
export const races: readonly Race[] = [
  {
    remark: 'a file is swapped with a link to outside',
    key: 'folder/secret.txt',
    script: `fs.symlinkSync(outside + '/secret.txt', root + '/l'); fs.renameSync(root + '/l', root + '/folder/secret.txt');
      fs.writeFileSync(root + '/f', 'inside'); fs.renameSync(root + '/f', root + '/folder/secret.txt');`,
  },
  {
    remark: 'a folder is swapped with a link to outside',
    key: 'folder/secret.txt',
    script: `fs.renameSync(root + '/folder', root + '/aside'); fs.symlinkSync(outside, root + '/folder');
      fs.unlinkSync(root + '/folder'); fs.renameSync(root + '/aside', root + '/folder');`,
  },
];
