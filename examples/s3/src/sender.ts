import type { RedirectOptions, Dialect } from '@sluice/core';
import { nginx } from '@sluice/core/offload';

/** Who sends the bytes: the app, the store itself, or nginx, which fetches them from the store. */
export type SenderName = 'stream' | 'redirect' | 'nginx';

export const senderNames: readonly SenderName[] = ['stream', 'redirect', 'nginx'];

/** The options of `createSluice` in which the three differ. */
export interface Sender {
  readonly redirect?: RedirectOptions;
  readonly dialect?: Dialect;
}

/** @param origin where nginx reaches the store */
export function senderBy(name: SenderName, origin: string): Sender {
  switch (name) {
    case 'stream':
      return {};
    case 'redirect':
      return { redirect: { expiresIn: 60 } };
    case 'nginx':
      return { dialect: nginx({ store: { origin } }) };
  }
}
