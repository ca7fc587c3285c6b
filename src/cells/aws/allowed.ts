/**
 * What cells may ask of AWS is the place's to say, not the author's. Nothing is allowed by default, and what is not is refused
 * before anything was sent.
 */
import { PawlError } from '../../engine/index.ts';

export type AwsAllow = {
  /**
   * `service:action`, a `*` in the action standing for any characters: `rds:Describe*`. Services are called as their
   * packages are. `sign:service`: an `http` cell may sign a request for it.
   */
  actions: readonly string[];
  /** ARNs of roles that a cell may assume, `*` standing for any characters. */
  roles: readonly string[];
  /** Hosts beside those of AWS that a signed request may go to: `host` or `host:port`. */
  hosts: readonly string[];
};

export const nothingAllowed: AwsAllow = { actions: [], roles: [], hosts: [] };

/** It, or what reads it anew before each request, so that what an operator allows or takes back counts at once. */
export type AwsAllowed = AwsAllow | (() => AwsAllow);

/** What is allowed now; a text: why that is not known, so that nothing is. */
export const allowedNow = (allowed: AwsAllowed): AwsAllow | string => {
  if (typeof allowed !== 'function') return allowed;
  try {
    return allowed();
  } catch (error) {
    return `Nothing may be asked of AWS as long as this stands: ${(error as Error).message}`;
  }
};

const actionPattern = /^[a-z][a-z0-9-]*:[A-Za-z0-9*-]+$/;
const rolePattern = /^arn:aws[a-z-]*:iam::(?:\d{12}|\*):role\/[\w+=,.@/*-]+$/;

const listOf = (name: string, value: unknown, form: RegExp, example: string): string[] => {
  if (value === undefined) return [];
  const wrong = Array.isArray(value) ? value.find((one) => typeof one !== 'string' || !form.test(one)) : value;
  if (Array.isArray(value) && wrong === undefined) return value;
  const message = `allow.${name} has ${JSON.stringify(wrong)?.slice(0, 200)}; it is a list of entries like ${JSON.stringify(example)}.`;
  throw new PawlError('request.invalid', message);
};

/**
 * Reads the part of a place's `allow` that is about AWS: `{aws, roles, hosts}`.
 * @throws PawlError `request.invalid` naming the entry
 */
export const parseAwsAllow = (allow: { aws?: unknown; roles?: unknown; hosts?: unknown }): AwsAllow => ({
  actions: listOf('aws', allow.aws, actionPattern, 'rds:Describe*'),
  roles: listOf('roles', allow.roles, rolePattern, 'arn:aws:iam::123456789012:role/failover'),
  hosts: listOf('hosts', allow.hosts, /^[^\s/@]+$/, 'api.example.com').map((host) => host.toLowerCase()),
});

/** By search, not by an expression: many stars and a long name would keep one busy for years. */
const matches = (pattern: string, text: string): boolean => {
  const [first = '', ...others] = pattern.split('*');
  const last = others.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first)) return false;
  let from = first.length;
  for (const part of others) {
    const at = text.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return text.length - last.length >= from && text.endsWith(last);
};

/** The service is never a pattern: what a package is called is nobody's namespace. */
const isActionAllowed = ({ actions }: AwsAllow, service: string, action: string): boolean =>
  actions.some((entry) => {
    const colon = entry.indexOf(':');
    return entry.slice(0, colon) === service && matches(entry.slice(colon + 1), action);
  });

const isRoleAllowed = ({ roles }: AwsAllow, role: string): boolean => roles.some((one) => matches(one, role));

/** Hosts that AWS itself answers for. */
const hostsOfAws = /\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws|on\.aws|api\.amazonwebservices\.com\.cn)$/;

/** Whether a request may go there with a signature: over TLS to AWS, or to a host that is named. */
export const isHostAllowed = ({ hosts }: AwsAllow, url: URL): boolean =>
  (url.protocol === 'https:' && hostsOfAws.test(url.hostname)) ||
  hosts.includes(url.host) ||
  hosts.includes(url.hostname);

/** Why it may not be done, or nothing. */
export const whyNotAllowed = (
  allow: AwsAllow | string,
  { service, action, role }: { service: string; action: string; role: string | null },
): string | undefined => {
  if (typeof allow === 'string') return allow;
  const add = (list: string, entry: string): string =>
    `the \`allow.${list}\` of this place does not list it. Whoever runs the place can add ${JSON.stringify(entry)} there`;
  if (!isActionAllowed(allow, service, action))
    return `${service}:${action} is not allowed: ${add('aws', `${service}:${action}`)}.`;
  if (role !== null && !isRoleAllowed(allow, role)) return `The role ${role} is not allowed: ${add('roles', role)}.`;
  return undefined;
};
