import type { CanaryDescription } from '@sluice/core/probe';

import { type Check, NO_SAMPLE, type Received } from '../bench.ts';
import { type Reply, valuesOf } from '../client.ts';
import type { FindingId } from '../finding-kinds.ts';
import type { Discovery } from '../findings.ts';

/** Compares the headers of every canary with those that the application meant for it. */
export const HEADERS: Check = {
  title: 'Every header of the application reaches the client, once and unchanged.',
  async run({ received }) {
    if (received.size === 0) return NO_SAMPLE;
    return [...received.values()].flatMap(({ canary, reply }) =>
      Object.entries(canary.headers).flatMap(([name, value]) =>
        compare(canary, reply, name, value),
      ),
    );
  },
};

/** Looks for two files with one entity tag. */
export const VALIDATORS: Check = {
  title: 'No two files share an entity tag.',
  async run({ received }) {
    if (received.size === 0) return NO_SAMPLE;
    const byTag = new Map<string, Received[]>();
    for (const one of received.values()) {
      const [tag] = valuesOf(one.reply, 'etag');
      if (tag !== undefined) byTag.set(tag, [...(byTag.get(tag) ?? []), one]);
    }
    return [...byTag]
      .filter(([, same]) => areOfSizes(same))
      .map(([tag, same]) => ({
        id: 'validator-shared',
        evidence: [`${tag}: ${same.map(({ canary }) => canary.id).join(', ')}`],
      }));
  },
};

/** Tags of the common form are made of the second and the size; only of one URL they must differ. */
function areOfSizes(same: readonly Received[]): boolean {
  return new Set(same.map(({ canary }) => canary.size)).size > 1;
}

function compare(
  { id, sender }: CanaryDescription,
  reply: Reply,
  name: string,
  expected: string,
): readonly Discovery[] {
  const values = valuesOf(reply, name);
  const found = faultOf(name, values, expected);
  if (found === undefined) return [];
  const seen = values.length === 0 ? 'absent' : values.join(' | ');
  return [
    {
      id: found,
      headers: [name],
      evidence: [`${name}: ${seen}, instead of ${expected} (${id}, sent by the ${sender})`],
    },
  ];
}

/** Lists that others may add to: a cache of the front server, say, answers by more headers. */
const LISTS: ReadonlySet<string> = new Set(['vary', 'link', 'access-control-expose-headers']);

const VALIDATOR_NAMES: ReadonlySet<string> = new Set(['etag', 'last-modified']);

function faultOf(name: string, values: readonly string[], expected: string): FindingId | undefined {
  if (name === 'content-length' || name === 'accept-ranges') return undefined;
  if (values.length === 0) return 'header-lost';
  if (LISTS.has(name)) return includes(values, expected) ? undefined : 'header-changed';
  if (values.length > 1) return 'header-twice';
  if (values[0] === expected || isSameType(name, values[0], expected)) return undefined;
  return VALIDATOR_NAMES.has(name) ? 'validator-changed' : 'header-changed';
}

function includes(values: readonly string[], expected: string): boolean {
  const present = membersOf(values.join(','));
  return membersOf(expected).every((member) => present.includes(member));
}

function membersOf(list: string): readonly string[] {
  return list.split(',').map((member) => member.trim().toLowerCase());
}

/** Parameters of a media type may be spaced and cased otherwise (RFC 9110 §8.3.1). */
function isSameType(name: string, value: string | undefined, expected: string): boolean {
  const plain = (type: string | undefined): string | undefined =>
    type?.toLowerCase().replaceAll(/[\s"]+/g, '');
  return name === 'content-type' && plain(value) === plain(expected);
}
