import type { ProbeBegin, ProbeDescription } from '@sluice/core/probe';

/** Where the files lie, as the orders of the application have it. */
export interface Places {
  /** The folder on the disk, as the front server sees it, without a slash at its end. */
  readonly folder?: string;
  /** The path within the front server; ends with `/`. Absent where orders are paths on the disk. */
  readonly internal?: string;
}

/** Reads the places out of the orders. */
export function placesOf({ canaries }: ProbeDescription, dialect: ProbeBegin['dialect']): Places {
  const canary = canaries.find(({ id }) => id === 'plain');
  if (canary === undefined) return {};
  const { key, order, path } = canary;
  const own = path?.replaceAll('\\', '/');
  const isPath = dialect?.header === 'x-sendfile' || (order !== undefined && order === own);
  const folder = before(isPath ? order : own, `/${key}`);
  const internal = isPath ? undefined : before(pathOf(order), key);
  return { ...(folder !== undefined && { folder }), ...(internal !== undefined && { internal }) };
}

/** The query is that of a URL: headers for H2O, or the signature of a store. */
function pathOf(order: string | undefined): string | undefined {
  if (order === undefined) return undefined;
  return URL.canParse(order) ? new URL(order).pathname : order.replace(/\?.*$/, '');
}

/** The plain name needs no escape, so that it ends every form of an order. */
function before(value: string | undefined, end: string): string | undefined {
  return value?.endsWith(end) === true ? value.slice(0, -end.length) : undefined;
}
