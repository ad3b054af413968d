import { createHash } from 'node:crypto';
import { readFile, symlink, unlink } from 'node:fs/promises';

import { questionKey } from '@sluice/core/probe';

import type { ServerName } from '../../config/server-name.ts';
import { type Check, type CheckResult, NO_SAMPLE, sampleOf } from '../bench.ts';
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
    if (!(await isOurs(path, target.canary.sha256))) {
      return { untried: 'the files do not lie on this machine' };
    }
    await symlink(path, unchecked.path);
    try {
      const reply = await client.ask({ key: unchecked.key });
      return reply.body.equals(target.reply.body) ? followed(reply, server) : [];
    } finally {
      await unlink(unchecked.path);
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

/** What this machine has at that path may be another file of the same name. */
async function isOurs(path: string, sha256: string): Promise<boolean> {
  try {
    const bytes = await readFile(path);
    return createHash('sha256').update(bytes).digest('hex') === sha256;
  } catch {
    return false;
  }
}
