import { realpathSync } from 'node:fs';

import { createPathMap } from '@sluice/core';
import { bytesAsText, createUriMap, type RootPlaces } from '@sluice/core/offload';

import type { FilePlace } from './model.ts';

/** One root of the store as the server has it. All texts have one character a byte. */
export interface ServedRoot {
  /** The internal path that stands for it, decoded; starts and ends with `/`. */
  readonly uri: string;
  /** Absolute, without a slash at its end, links resolved where it exists. */
  readonly folder: string;
}

/**
 * Says where the roots are, from the same options as `sluice config` takes.
 *
 * @returns the longest internal path first
 * @throws TypeError for a mistake in them, quoting the value
 */
export function servedRoots(
  roots: string | Readonly<Record<string, string>>,
  prefix: RootPlaces,
): readonly ServedRoot[] {
  const uriOf = createUriMap('emulate', prefix);
  const served = rootsOf(roots).map(({ prefix: keys, root }) => {
    const uri = uriOf({ root, prefix: keys, path: root });
    if (uri === undefined) {
      throw new TypeError(`emulate: prefix has no path for the root of the keys "${keys}"`);
    }
    return { uri: bytesAsText(decodeURIComponent(uri)), folder: bytesAsText(resolved(root)) };
  });
  return served.toSorted((a, b) => b.uri.length - a.uri.length);
}

/** Finds the file of a decoded path of a URI; the longest internal path wins. */
export function placeOfUri(roots: readonly ServedRoot[], path: string): FilePlace | undefined {
  const root = roots.find(({ uri }) => path.startsWith(uri));
  return root && { folder: root.folder, path: `${root.folder}/${path.slice(root.uri.length)}` };
}

/** Finds the root that a path without dot segments lies in. */
export function placeOfPath(roots: readonly ServedRoot[], path: string): FilePlace | undefined {
  const found = roots
    .filter(({ folder }) => path.startsWith(`${folder}/`))
    .toSorted((a, b) => b.folder.length - a.folder.length)[0];
  return found && { folder: found.folder, path };
}

/** Takes dot segments and empty ones out of an absolute path; none leads above its start. */
export function cleanPath(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  return `/${kept.join('/')}`;
}

/** Decodes escapes; what is none is left as it stands. */
export function percentDecode(text: string): string {
  return text.replaceAll(/%([\da-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function rootsOf(
  roots: string | Readonly<Record<string, string>>,
): ReturnType<typeof createPathMap>['roots'] {
  try {
    return createPathMap(typeof roots === 'string' ? { '': roots } : roots).roots;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new TypeError(message.replace(/^createPathMap/, 'emulate'), { cause: error });
  }
}

function resolved(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}
