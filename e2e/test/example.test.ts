import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { serverNames } from '@sluice/cli';
import test from 'ava';

import { folderOf, startExample } from '../src/example.ts';

const AS_BEN = { authorization: `Basic ${btoa('ben:ben')}` };

for (const server of serverNames) {
  test.serial(
    `${server}: the example's one command serves the site, and the server sends`,
    async (t) => {
      const example = await startExample('front-servers', server);
      t.teardown(() => example.stop());
      const [, origin] = await example.printed(/ listens at (http:\/\/[\d.:]+)\/,/);
      const url = `${origin}/files/people/ben/notes.txt`;

      const page = await fetch(`${origin}/`);
      t.regex(await page.text(), /<h1/);

      const allowed = await fetch(url, { headers: AS_BEN });
      t.is(allowed.status, 200);
      const notes = await readFile(join(folderOf('basic'), '.demo/files/people/ben/notes.txt'));
      t.deepEqual(Buffer.from(await allowed.arrayBuffer()), notes);
      const sent = { outcome: 'offloaded', person: 'ben', why: `${server} sends it` };
      t.like(await example.nextEvent(), sent);

      const denied = await fetch(url);
      t.is(denied.status, 404);
      t.is(await denied.text(), 'Not Found');
      t.like(await example.nextEvent(), { outcome: 'refused' });

      const range = await fetch(url, { headers: { ...AS_BEN, range: 'bytes=4-15' } });
      t.is(range.status, 206);
      t.is(await range.text(), notes.subarray(4, 16).toString());

      t.is(await example.stop(), 0);
      await t.throwsAsync(fetch(`${origin}/`), undefined, 'nothing listens any more');
    },
  );
}
