/**
 * Where an http cell may connect. A runbook must not become a way into the network the engine stands in: the instance
 * metadata service, the Lambda runtime API, private hosts. The name is resolved once, every address it has must be
 * public, and the connection goes to the address that was checked.
 */
import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { PawlError } from '../engine/index.ts';

export type Lookup = (host: string) => Promise<string[]>;
export const resolveHost: Lookup = async (host) =>
  (await systemLookup(host, { all: true, verbatim: true })).map(({ address }) => address);

/** Host as it is compared: lower case, without a final dot, IPv6 without brackets. */
const plain = (host: string): string =>
  host
    .toLowerCase()
    .replace(/\.$/, '')
    .replace(/^\[(.*)\]$/, '$1');

/**
 * Parses PAWL_HTTP_ALLOW: hosts that need not be public, `host` or `host:port`, separated by commas; IPv6 in brackets.
 * @throws PawlError `request.invalid` naming the entry
 */
export const parseHttpAllow = (text: string): string[] =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => {
      const match = /^(\[[0-9A-Fa-f:.]+\]|[^\s:/@[\]]+)(?::(\d{1,5}))?$/.exec(entry);
      if (match === null || Number(match[2] ?? 1) > 65_535 || Number(match[2] ?? 1) < 1) {
        const message = `PAWL_HTTP_ALLOW has ${JSON.stringify(entry)}; write host or host:port, IPv6 in brackets, separated by commas.`;
        throw new PawlError('request.invalid', message);
      }
      return entry.toLowerCase();
    });

const isAllowed = (url: URL, allow: readonly string[]): boolean => {
  const host = plain(url.hostname);
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return allow.some((entry) => {
    const match = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(entry);
    return match !== null && plain(match[1] ?? '') === host && (match[2] === undefined || match[2] === port);
  });
};

/** An address; of an IPv6 one that carries an IPv4 one, that. `undefined`: it is none. */
const carriedBy = (address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined => {
  if (!ipaddr.isValid(address)) return undefined;
  const parsed = ipaddr.parse(address.replace(/%.*$/, ''));
  if (parsed instanceof ipaddr.IPv4) return parsed;
  const { parts } = parsed;
  const v4 = (high: number | undefined, low: number | undefined): ipaddr.IPv4 => {
    const [h, l] = [high ?? 0, low ?? 0];
    return new ipaddr.IPv4([h >> 8, h & 255, l >> 8, l & 255]);
  };
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address();
  // `::127.0.0.1`: deprecated, and still an address that some stacks take for the IPv4 one.
  if (parsed.range() === 'unicast' && parts.slice(0, 6).every((part) => part === 0)) return v4(parts[6], parts[7]);
  if (parsed.range() === '6to4') return v4(parts[1], parts[2]);
  if (parsed.range() === 'rfc6052') return v4(parts[6], parts[7]);
  return parsed;
};

/** Only global unicast is public; an IPv6 address that carries an IPv4 one is as private as what it carries. */
export const isPublic = (address: string): boolean => carriedBy(address)?.range() === 'unicast';

/** Where a machine, a task of ECS and a pod of EKS get the credentials of their role. */
const metadataHosts = ['169.254.169.254', 'fd00:ec2::254', '169.254.170.2', '169.254.170.23', 'fd00:ec2::23'];
export const metadataAddresses = metadataHosts.slice(0, 3).map((host) => ({ host, port: 80 }));
const ofMetadata = new Set(metadataHosts.map((host) => ipaddr.parse(host).toNormalizedString()));

/** Whoever is answered there is the machine itself: no list of what a cell may have has that in mind. */
const isMetadata = (address: string): boolean => ofMetadata.has(carriedBy(address)?.toNormalizedString() ?? '');

export type Target = { kind: 'address'; address: string } | { kind: 'blocked' | 'unreachable'; message: string };

/** The one address to connect to, or why there is none. */
export const targetOf = async (url: URL, allow: readonly string[], lookup: Lookup): Promise<Target> => {
  const host = plain(url.hostname);
  let addresses: string[];
  try {
    // The URL parser has already turned 0x7f.1, 2130706433 and 127.1 into plain addresses.
    addresses = isIP(host) === 0 ? await lookup(host) : [host];
  } catch (error) {
    return { kind: 'unreachable', message: `${host} has no address: ${(error as Error).message}` };
  }
  const [first] = addresses;
  if (first === undefined) return { kind: 'unreachable', message: `${host} has no address.` };
  const metadata = addresses.find(isMetadata);
  if (metadata !== undefined) {
    const message = `${host} (${metadata}) is not a public address, and hands out the credentials of a machine: no cell gets there, whatever is allowed.`;
    return { kind: 'blocked', message };
  }
  if (isAllowed(url, allow)) return { kind: 'address', address: first };
  const refused = addresses.find((address) => !isPublic(address));
  if (refused === undefined) return { kind: 'address', address: first };
  const message = `${host} (${refused}) is not a public address; allow it with PAWL_HTTP_ALLOW=${url.host} if it is meant.`;
  return { kind: 'blocked', message };
};
