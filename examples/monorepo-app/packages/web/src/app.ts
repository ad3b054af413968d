import { Router } from '@koa/router';
import type { Member } from '@school/policy';
import { type Invoice, invoiceKey } from '@school/storage';
import type { Sluice } from '@sluice/core';
import { downloads, sendDownload } from '@sluice/koa';
import Koa from 'koa';

import {
  createIdentify,
  type IdentifyOptions,
  type WebContext,
  type WebState,
} from './identify.ts';

/** What {@link createApp} takes. */
export interface AppOptions extends IdentifyOptions {
  readonly sluice: Sluice<Member>;
  /** Finds an invoice by its number; `undefined` when there is none. */
  readonly findInvoice: (number: string) => Invoice | undefined;
}

/** Creates the web of the school. */
export function createApp({ sluice, findInvoice, ...identity }: AppOptions): Koa<WebState> {
  const app = new Koa<WebState>();
  const router = new Router<WebState>();

  // A handler that knows the object by another name than its key.
  router.get('/invoices/:number', async (ctx) => {
    const invoice = findInvoice(ctx.params['number'] ?? '');
    if (invoice === undefined) return; // Koa answers 404, as Sluice does for what is denied.
    await sendDownload(ctx, sluice, invoiceKey(invoice), {
      subject: ctx.state.user,
      filename: `Invoice ${invoice.number}.pdf`,
    });
  });

  app.use(createIdentify(identity));
  app.use(router.routes());
  // Every object by its key: /objects/recordings/harbour/lesson-1.wav
  app.use(downloads(sluice, { prefix: '/objects/', subject: (ctx: WebContext) => ctx.state.user }));
  return app;
}
