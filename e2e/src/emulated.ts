import type { ServerName } from '@sluice/cli';
import { emulate } from '@sluice/emulator';

import { diskOf } from './fixture.ts';
import { dialectOf, PREFIX } from './front.ts';
import { runSender, type Sender } from './sender.ts';

/** The emulator of a server of Debian 12, which has the habits of the server itself. */
export function emulatedSender(server: ServerName): Sender {
  const name = `${server} (emulated)`;
  return {
    name,
    habits: server,
    start(fixture) {
      const front = emulate(server, {
        roots: diskOf(fixture).roots,
        prefix: PREFIX,
        encoding: 'raw',
        version: '2.6',
      });
      return runSender(name, server, { fixture, dialect: dialectOf(server), front });
    },
  };
}
