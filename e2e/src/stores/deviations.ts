import type { StoreEngine } from './engine.ts';

/** What the S3 driver is known to fail on a bucket of an engine: the id of the check, and why. */
export function deviationsOf(
  { name }: Pick<StoreEngine, 'name'>,
  { versioned }: { readonly versioned: boolean },
): Readonly<Record<string, string>> {
  switch (name) {
    case 'ceph':
      return versioned ? CEPH_VERSIONED : {};
    case 'swift':
      return SWIFT;
  }
}

const CEPH_VERSIONED = {
  'W-08': 'RADOS Gateway 16 takes no notice of If-None-Match in a bucket that keeps versions',
};

const SWIFT = {
  'W-08': 's3api of Swift 2.30 answers 501 to If-None-Match of a PUT: the driver says so',
};
