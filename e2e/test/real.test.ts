import { realSender, SERVERS } from '../src/front.ts';
import { CACHED, STREAMING } from '../src/sender.ts';
import { testChanges } from './changes.ts';
import { testOneConnection, testUpstream } from './connections.ts';
import { testDownloads } from './downloads.ts';
import { openLane } from './helpers.ts';
import { testDifferences, testProtocol } from './protocol.ts';
import { testCurl, testResume } from './resume.ts';

const SENDERS = [STREAMING, CACHED, ...SERVERS.map((server) => realSender(server))];

openLane(SENDERS);
for (const sender of SENDERS) {
  testProtocol(sender);
  testDownloads(sender);
  testChanges(sender);
  testOneConnection(sender);
  testUpstream(sender);
  testCurl(sender);
}
testResume(SENDERS);
testDifferences();
