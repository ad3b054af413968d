import test from 'ava';

import { frontListener } from '../src/index.ts';
import { type AppHead, appThatSays, ask, makeFolder, start } from './helpers/site.ts';
import { type Habit, habits, HEADERS, ORDER, ORDER_HEADER } from './tables/habits.ts';

const behaves = test.macro(async (t, habit: Habit) => {
  const base = await makeFolder(t);
  const { server } = habit;
  const roots = { '': `${base}/files`, videos: `${base}/videos` };
  const listener = frontListener(server, { roots, ...habit.options }, appOf(habit, base));
  const got = await ask(await start(t, listener), habit.ask);
  t.is(got.status, habit.status);
  for (const [name, value] of Object.entries(habit.headers ?? {})) {
    t.is(got.headers[name], value, name);
  }
  if (typeof habit.body === 'string') t.is(got.body, habit.body);
  else if (habit.body !== undefined) t.regex(got.body, habit.body);
  t.false(JSON.stringify(got).includes(base), 'a path on the disk is shown');
  t.false(JSON.stringify(got.headers).includes('_sluice'), 'an internal path is shown');
});

for (const habit of habits) test(`${habit.server} ${habit.does}`, behaves, habit);

function appOf(
  { server, order = ORDER[server], app }: Habit,
  base: string,
): ReturnType<typeof appThatSays> {
  const put = (value: string): string => value.replace(/^@(?=\/)/, base);
  const ordered = {
    ...HEADERS,
    [ORDER_HEADER[server]]: typeof order === 'string' ? put(order) : order.map(put),
  };
  const given: AppHead['headers'] = app?.headers ?? ordered;
  const headers = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      typeof value === 'string' ? put(value) : value,
    ]),
  );
  return appThatSays({ ...app, headers });
}
