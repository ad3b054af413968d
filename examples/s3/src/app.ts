import { randomBytes } from 'node:crypto';

import type { Sluice } from '@sluice/core';
import type { Person } from '@sluice/example-basic/people';
import { identify, type SiteContext, type SiteState } from '@sluice/example-basic/session';
import { downloads } from '@sluice/koa';
import Koa from 'koa';

/** Creates the app. Nothing in it speaks of a store, or of who sends the bytes. */
export function createApp(sluice: Sluice<Person>): Koa<SiteState> {
  const app = new Koa<SiteState>();
  app.keys = [randomBytes(32).toString('base64url')];
  app.use(identify);
  app.use(
    downloads(sluice, { prefix: '/files/', subject: ({ state }: SiteContext) => state.user }),
  );
  return app;
}
