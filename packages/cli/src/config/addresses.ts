/** Where somebody listens; without a host, on all addresses. An IPv6 host has its brackets. */
export interface Address {
  readonly host: string | undefined;
  readonly port: number;
}

/** Writes an address as it stands in a URL; that of all addresses without a host. */
export function hostAndPort({ host = '', port }: Address): string {
  return `${host}:${port}`;
}

/** Tells whether an address stands for all of a machine: none, `0.0.0.0`, `[::]`. */
export function isEverywhere(address: Address): boolean {
  return address.host === undefined || EVERYWHERE.includes(hostOf(address));
}

/**
 * Tells whether somebody who connects to the second address can reach who listens at the first. Of
 * names other than `localhost` it is not known what they stand for.
 */
export function canMeet(listener: Address, asked: Address): boolean {
  if (listener.port !== asked.port) return false;
  if (isEverywhere(listener)) return isLocal(asked);
  if (isEverywhere(asked)) return isLocal(listener);
  const hosts = [hostOf(listener), hostOf(asked)];
  return (
    hosts[0] === hosts[1] || (hosts.includes('localhost') && isLocal(listener) && isLocal(asked))
  );
}

const EVERYWHERE: readonly string[] = ['0.0.0.0', '[::]', '[::ffff:0:0]'];

const LOOPBACK = /^(?:localhost|127\.[\d.]+|\[::1\]|\[::ffff:7f.*\])$/;

function isLocal(address: Address): boolean {
  return isEverywhere(address) || LOOPBACK.test(hostOf(address));
}

/** One spelling for each IP address (URL Standard §3.5), and names in lower case. */
function hostOf({ host = '' }: Address): string {
  const url = `http://${host}/`;
  return URL.canParse(url) ? new URL(url).hostname : host.toLowerCase();
}
