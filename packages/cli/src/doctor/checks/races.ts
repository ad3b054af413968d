import { constants } from 'node:fs';
import { type FileHandle, open, symlink, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { canaryAt, questionKey, uncheckedKey } from '@sluice/core/probe';

import type { ServerName } from '../../config/server-name.ts';
import {
  type Bench,
  type Check,
  type CheckResult,
  NO_SAMPLE,
  type Received,
  sampleOf,
} from '../bench.ts';
import { type Reply, shown } from '../client.ts';

/** A file that is gone when the front server comes for it. */
export const MISSING_FILE: Check = {
  title: 'A file that vanished after the decision is answered as missing.',
  async run(bench) {
    const { client, description } = bench;
    const { unchecked } = description;
    if (unchecked === undefined) return NO_ORDERS;
    if (sampleOf(bench)?.canary.sender !== 'front') return NO_SAMPLE;
    const reply = await client.ask({ key: unchecked.key });
    return reply.status >= 400 && reply.status < 500
      ? []
      : [{ id: 'missing-file-sent', evidence: [shown(reply)] }];
  },
};

/** A file that has become a link when the front server comes for it. */
export const LINKS: Check = {
  title: 'The front server follows no symbolic link below the folder.',
  async run(bench) {
    const { client, description, sameMachine, server } = bench;
    const { unchecked } = description;
    const target = sampleOf(bench);
    const path = target?.canary.path;
    if (unchecked === undefined || target === undefined || path === undefined) return NO_ORDERS;
    if (!sameMachine) return { untried: 'only on the machine of the files, by --same-machine' };
    const link = linkBeside(target, bench);
    if (link === undefined || !(await isHere(path, target.reply.body))) {
      return { untried: 'the files do not lie on this machine' };
    }
    await symlink(path, link);
    try {
      const reply = await client.ask({ key: uncheckedKey(bench.begin.run) });
      return reply.body.equals(target.reply.body) ? followed(reply, server) : [];
    } finally {
      await unlink(link);
    }
  },
};

/** An order on an answer of another status, as an application without a fence might send it. */
export const STRAY_ORDER: Check = {
  title: 'An order on an answer that is not a 200 is neither obeyed nor shown.',
  async run(bench) {
    const { client, begin, server, received } = bench;
    if (begin.dialect === undefined) return NO_ORDERS;
    // It is this one that the stray order names.
    const plain = received.get('plain');
    if (plain === undefined) return { untried: 'the file that it names did not arrive' };
    if (plain.canary.order === undefined) return NO_ORDERS;
    const key = questionKey(begin.run, 'stray');
    const reply = await client.ask({ method: 'POST', key });
    const header = begin.dialect.header;
    const isShown = reply.headers.some(([name]) => name === header);
    const isObeyed = reply.body.equals(plain.reply.body);
    if (!isShown && !isObeyed) return [];
    const evidence = `${shown(reply)}, ${isShown ? 'with the order' : 'the file'}`;
    return server !== undefined && OBEYING.includes(server) && !isShown
      ? [
          {
            id: 'habit-of-server',
            evidence: [`${evidence}: ${server} obeys an order on any status`],
          },
        ]
      : [{ id: 'stray-order-shown', evidence: [evidence] }];
  },
};

const NO_ORDERS = Object.freeze({ untried: 'the application orders no file' });

/** Servers that have no way to look at the status first. */
const OBEYING: readonly ServerName[] = ['nginx', 'lighttpd', 'h2o'];

/** Servers that have a way to refuse links. */
const REFUSING: readonly ServerName[] = ['nginx', 'lighttpd'];

function followed(reply: Reply, server: ServerName | undefined): CheckResult {
  return server === undefined || REFUSING.includes(server)
    ? [{ id: 'links-followed', evidence: [shown(reply)] }]
    : [
        {
          id: 'habit-of-server',
          evidence: [`${server} follows symbolic links and cannot be told otherwise`],
        },
      ];
}

/**
 * Gives the path of the link, which only the catalogue chooses: the answers may be of anybody, and
 * must not have a link planted, or a file read, outside the folder that is reserved for probes.
 */
function linkBeside(
  { canary: { key, path = '' } }: Received,
  { begin: { run }, description: { unchecked } }: Bench,
): string | undefined {
  if (canaryAt(key)?.run !== run || !path.endsWith(`/${key}`)) return undefined;
  const link = join(dirname(path), basename(uncheckedKey(run)));
  return unchecked?.path === link ? link : undefined;
}

/** What this machine has at that path may be another file of the same name, or none to be read. */
async function isHere(path: string, bytes: Buffer): Promise<boolean> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stats = await handle.stat();
    return stats.isFile() && stats.size === bytes.length && (await handle.readFile()).equals(bytes);
  } catch {
    return false;
  } finally {
    await handle?.close();
  }
}
