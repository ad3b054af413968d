import { installedSender } from '../src/front.ts';
import { bytesOf } from '../src/fixture.ts';
import { HOSTING } from '../src/installed.ts';
import { LONG_KEY, ODD_NAMES } from '../src/names.ts';
import { faultsOf } from '../src/verdict.ts';
import { fileOf, openLane, senderOf, targetOf, test } from './helpers.ts';
import { NOT_TOLD } from './tables/differences.ts';

/** Of the site; there is another one before it, for every name, in each of the servers. */
const host = 'downloads.example';

const SENDERS = HOSTING.map((server) => installedSender(server, host));

openLane(SENDERS);

for (const { name, habits } of SENDERS) {
  test.serial(`${name}: carries odd names byte for byte`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const told = ODD_NAMES.map((odd) => `odd/${odd}`).filter((key) => !NOT_TOLD[habits](key));
    const faults: Record<string, readonly string[]> = {};
    for (const file of told.map((key) => fileOf(t, key))) {
      const target = targetOf(file.key);
      const answer = await sender.ask({ target, headers: { host } });
      const wrong = faultsOf(answer, { status: 200, sends: 'all' }, { habits, fixture, file });
      if (wrong.length > 0) faults[file.key] = wrong;
    }
    t.deepEqual(faults, {});
  });

  test.serial(`${name}: takes URLs that are as long as keys can make them`, async (t) => {
    const sender = senderOf(t, name);
    const { fixture } = t.context;
    const bytes = bytesOf('long', 2000);
    await fixture.put(LONG_KEY, bytes);
    const target = targetOf(LONG_KEY);
    t.true(target.length > 8190);
    const answer = await sender.ask({ target, headers: { host } });
    t.is(answer.status, 200);
    t.true(answer.body.equals(bytes));
  });

  test.serial(`${name}: leaves other names to the site that was there before`, async (t) => {
    const answer = await senderOf(t, name).ask({ target: targetOf('plain.txt') });
    t.is(answer.status, 404);
    t.not(answer.body.toString(), 'Not Found');
  });
}
