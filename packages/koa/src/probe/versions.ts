import { createRequire } from 'node:module';

/**
 * Gives the versions of the packages that answer, by their names without the scope; `unknown` where
 * a bundle has left their manifests behind.
 */
export function installedVersions(): Readonly<Record<string, string>> {
  return { core: versionOf('@sluice/core'), koa: versionOf('@sluice/koa') };
}

function versionOf(name: string): string {
  try {
    // A bundle of CommonJS has no import.meta.url.
    const description: unknown = createRequire(import.meta.url)(`${name}/package.json`);
    return isVersioned(description) ? description.version : 'unknown';
  } catch {
    return 'unknown';
  }
}

function isVersioned(value: unknown): value is { readonly version: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    typeof value.version === 'string'
  );
}
