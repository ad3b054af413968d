import { createRequire } from 'node:module';

/** Versions of the packages that answer, by their names without the scope. */
export const VERSIONS: Readonly<Record<string, string>> = Object.freeze({
  core: versionOf('@sluice/core'),
  koa: versionOf('@sluice/koa'),
});

function versionOf(name: string): string {
  const description: unknown = createRequire(import.meta.url)(`${name}/package.json`);
  return isVersioned(description) ? description.version : 'unknown';
}

function isVersioned(value: unknown): value is { readonly version: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    typeof value.version === 'string'
  );
}
