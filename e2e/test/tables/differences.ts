import type { Habits } from '../../src/sender.ts';
import type { Expected } from '../../src/verdict.ts';

/** What a sender does otherwise than the table of the protocol says, and why that is no fault of it. */
export interface Difference {
  readonly expected: Expected;
  readonly because: string;
}

/** By the titles of the protocol's cases. What is not listed here is answered as streaming does. */
export const DIFFERENCES: Readonly<Record<Habits, Readonly<Record<string, Difference>>>> = {
  streaming: {},
  nginx: {},
  apache: {},
  lighttpd: {},
  caddy: {},
  h2o: {},
};

/** The names that a server cannot be told, by why; the application streams these objects. */
export const NOT_TOLD: Readonly<Record<Habits, (key: string) => string | undefined>> = {
  streaming: () => undefined,
  nginx: () => undefined,
  apache: (key) =>
    key.endsWith(' ') ? 'a blank at the end is taken for the end of the field' : undefined,
  lighttpd: () => undefined,
  caddy(key) {
    if (key.endsWith(' ')) return 'a blank at the end is taken for the end of the field';
    return key.includes('?') ? 'its rewrite ends the path there' : undefined;
  },
  h2o: (key) =>
    /\.(?:txt|zip|tar|mp4|jpg)$/.test(key) ? undefined : 'it takes the media type from its own table',
};
