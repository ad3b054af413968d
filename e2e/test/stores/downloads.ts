import { LONGEST_S3_KEY } from '../../src/names.ts';
import { runSender, type Sender } from '../../src/sender.ts';
import type { StoreEngine } from '../../src/stores/index.ts';
import { createStoreFixture } from '../../src/stores/store-fixture.ts';
import { testChanges } from '../changes.ts';
import { testOneConnection } from '../connections.ts';
import { testDownloads } from '../downloads.ts';
import { openLane } from '../helpers.ts';
import { testProtocol } from '../protocol.ts';
import { testCurl, testResume } from '../resume.ts';

/** Downloads from a bucket all that is downloaded from the disk, and asks the same of it. */
export function testStore(
  name: string,
  start: () => Promise<StoreEngine>,
  bucket: { readonly versioned: boolean; readonly longestKey?: string },
): void {
  const { longestKey = LONGEST_S3_KEY } = bucket;
  const sender: Sender = {
    name,
    habits: 'streaming',
    storage: 's3',
    longestKey,
    start: (fixture) => runSender(name, 'streaming', { fixture }),
  };
  openLane([sender], async () => {
    const engine = await start();
    const fixture = await createStoreFixture(engine, bucket);
    return {
      ...fixture,
      async remove() {
        await fixture.remove();
        await engine.stop();
      },
    };
  });
  testProtocol(sender);
  testDownloads(sender);
  testChanges(sender);
  testOneConnection(sender);
  testCurl(sender);
  testResume([sender]);
}
