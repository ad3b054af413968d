import { accessSync, constants } from 'node:fs';

import { type Browser, chromium } from 'playwright-core';

/** Starts Chromium without a window: `/usr/bin/chromium`, or what `$CHROMIUM` names. */
export async function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: executable(),
    headless: true,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

function executable(): string {
  const path = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch (error) {
    throw new Error(
      `These tests need Chromium, and ${path} cannot be run. Install it, on Debian with ` +
        '`apt-get install chromium`, or name another one in $CHROMIUM.',
      { cause: error },
    );
  }
}
