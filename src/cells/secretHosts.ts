/** To which hosts a request may carry which secrets. */
import type { CellInput } from '../engine/index.ts';

type GivenSecrets = NonNullable<CellInput['secrets']>;

/** As it is declared: `name`, which means the usual port of the scheme, or `name:port`. */
const isAt = (host: string, { hostname, port, protocol }: URL): boolean => {
  const usual = protocol === 'https:' ? '443' : '80';
  const at = `${hostname.toLowerCase()}:${port === '' ? usual : port}`;
  const declared = host.toLowerCase();
  return at === (/:\d{1,5}$/.test(declared) && !/^\[[^\]]*$/.test(declared) ? declared : `${declared}:${usual}`);
};

/**
 * The first secret that may not go to where the URL leads. Whoever follows a redirect asks this anew, for each place that it leads
 * to, and refuses it: the request may carry the secret anywhere in headers and body.
 */
export const keptFrom = (url: URL, secrets: GivenSecrets = {}): string | undefined =>
  Object.entries(secrets).find(([, { hosts }]) => !hosts.some((host) => isAt(host, url)))?.[0];
