import { emulatedSender } from '../src/emulated.ts';
import { realSender, SERVERS } from '../src/front.ts';
import { testChanges } from './changes.ts';
import { compare } from './comparison.ts';
import { testOneConnection } from './connections.ts';
import { testDownloads } from './downloads.ts';
import { openLane } from './helpers.ts';
import { testProtocol } from './protocol.ts';
import { testResume } from './resume.ts';

const PAIRS = SERVERS.map((server) => ({
  real: realSender(server),
  emulated: emulatedSender(server),
}));

openLane(PAIRS.flatMap(({ real, emulated }) => [real, emulated]));
for (const { real, emulated } of PAIRS) {
  testProtocol(emulated);
  testDownloads(emulated);
  testChanges(emulated);
  testOneConnection(emulated);
  compare(real, emulated);
  testResume([real, emulated]);
}
