// Runs a real store for somebody who wants to try something: `npx --yes pnpm@12 start:store ceph`, or `swift`. Prints
// what an S3 client must know, as lines for a shell, and runs until it is interrupted.
import { startCeph } from './ceph.ts';
import type { StoreEngine } from './engine.ts';
import { startSwift } from './swift.ts';

const starts: Readonly<Record<string, () => Promise<StoreEngine>>> = {
  ceph: startCeph,
  swift: startSwift,
};
const start = starts[process.argv[2] ?? 'ceph'];
if (start === undefined) throw new TypeError(`ceph or swift, not ${process.argv[2]}`);
const engine = await start();
const { endpoint, region, credentials, folder } = engine;
console.log(`export AWS_ENDPOINT_URL_S3=${endpoint}`);
console.log(`export AWS_REGION=${region}`);
console.log(`export AWS_ACCESS_KEY_ID=${credentials.accessKeyId}`);
console.log(`export AWS_SECRET_ACCESS_KEY=${credentials.secretAccessKey}`);
console.log(`export S3_BUCKET=${await engine.createBucket()}`);
console.log(`# in ${folder}; Ctrl-C ends it`);
// Keeps the process; without it nothing would be left to wait for.
const alive = setInterval(() => undefined, 60_000);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    clearInterval(alive);
    void engine.stop();
  });
}
