import { createHash } from 'node:crypto';

import test from 'ava';

import { questionAt, questionKey } from '../../src/probe/answers.ts';
import {
  canariesOf,
  type Canary,
  canaryAt,
  createRun,
  PROBE_FOLDER,
  runIn,
  startOfRun,
  uncheckedKey,
} from '../../src/probe/catalogue.ts';
import { contentOf } from '../../src/probe/content.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const RUN = createRun(NOW);

test('a run tells when it began, and no two are alike', (t) => {
  t.is(startOfRun(RUN), NOW);
  t.not(createRun(NOW), RUN);
  for (const none of ['', 'x', `${RUN}x`, `x${RUN}`, RUN.toUpperCase(), RUN.slice(1)]) {
    t.is(startOfRun(none), undefined, none);
  }
});

test('all canaries of a run lie in the reserved folder, under names that tell the run', (t) => {
  const canaries = canariesOf(RUN);
  t.is(new Set(canaries.map(({ key }) => key)).size, canaries.length);
  t.is(new Set(canaries.map(({ id }) => id)).size, canaries.length);
  for (const { key } of canaries) {
    t.true(key.startsWith(`${PROBE_FOLDER}/`), key);
    t.is(runIn(key), RUN, key);
  }
});

test('the canaries of a run take as many bytes as is said', (t) => {
  const bytes = canariesOf(RUN).reduce((sum, { size }) => sum + size, 0);
  // About 8 MiB, as docs/doctor.md has it.
  t.true(bytes <= 8 * 2 ** 20 + 128 * 1024, `${bytes}`);
  t.true(canariesOf(RUN).length < 50);
});

test('no key but those of the catalogue is one of a canary', (t) => {
  for (const canary of canariesOf(RUN)) {
    t.deepEqual(canaryAt(canary.key), { run: RUN, canary }, canary.key);
    t.is(canaryAt(`${canary.key}x`), undefined);
    t.is(canaryAt(canary.key.replace(PROBE_FOLDER, 'elsewhere')), undefined);
    t.is(canaryAt(`${PROBE_FOLDER}/${canary.key}`), undefined);
  }
  for (const key of [uncheckedKey(RUN), PROBE_FOLDER, `${PROBE_FOLDER}/`, 'a.txt', `${RUN}.txt`]) {
    t.is(canaryAt(key), undefined, key);
  }
});

test('each canary has the size that is announced, and no other has the same bytes', (t) => {
  const digests = canariesOf(RUN).map((canary) => {
    const bytes = bytesOf(RUN, canary);
    t.is(bytes.length, canary.size, canary.id);
    return createHash('sha256').update(bytes).digest('hex');
  });
  t.is(new Set(digests).size, digests.length);
  const [plain] = canariesOf(RUN);
  t.notDeepEqual(bytesOf(createRun(NOW), plain!), bytesOf(RUN, plain!));
});

function bytesOf(run: string, canary: Canary): Buffer {
  return Buffer.concat([...contentOf(run, canary)]);
}

test('the key of a question is read back, and nothing else is one', (t) => {
  t.deepEqual(questionAt(questionKey(RUN, 'end')), { run: RUN, question: 'end' });
  for (const key of [
    `sluice-probe/${RUN}`,
    `sluice-probe/${RUN}/begin`,
    `sluice-probe/${RUN}/end/`,
    `sluice-probe/${RUN}/constructor`,
    `sluice-probe/../${RUN}/end`,
    `sluice-probe/${RUN.slice(1)}/end`,
  ]) {
    t.is(questionAt(key), undefined, key);
  }
});
