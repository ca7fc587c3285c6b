/**
 * Clients of AWS's services, by name: the packages `@aws-sdk/client-<service>`. None comes with Pawl for this; each is loaded
 * when a cell names it, from where Pawl itself is installed, never from the folder that an author works in.
 */
import { createRequire } from 'node:module';
import { bundled } from './bundled.ts';

/** A client as Pawl uses it, whatever the service: made for one request, and let go of after it. */
export type Client = {
  send(command: unknown, options: { abortSignal: AbortSignal }): Promise<unknown>;
  destroy(): void;
};
export type Package = {
  Client: new (config: Record<string, unknown>) => Client;
  /** What the package exports: commands and schemas, by name. */
  exports: Readonly<Record<string, unknown>>;
};

const serviceName = /^[a-z][a-z0-9-]{0,62}$/;

/** Names that IAM, the command line or people have for a service, where its package has another. */
const otherNames: Readonly<Record<string, string>> = {
  logs: 'cloudwatch-logs',
  monitoring: 'cloudwatch',
  events: 'eventbridge',
  states: 'sfn',
  stepfunctions: 'sfn',
  elb: 'elastic-load-balancing',
  elbv2: 'elastic-load-balancing-v2',
  elasticloadbalancing: 'elastic-load-balancing-v2',
  autoscaling: 'auto-scaling',
  route53: 'route-53',
  secretsmanager: 'secrets-manager',
  ses: 'sesv2',
};

const loaded = new Map<string, Package>();

const exportsOf = (service: string): unknown => {
  if (bundled !== undefined) return Object.hasOwn(bundled, service) ? bundled[service]?.() : undefined;
  const load = createRequire(import.meta.url);
  const name = `@aws-sdk/client-${service}`;
  try {
    load.resolve(name);
  } catch {
    return undefined;
  }
  return load(name);
};

/** The client of a service, or why there is none here. Looks into packages alone: nothing is asked of AWS. */
export const clientOf = (service: string): Package | { missing: string } => {
  if (!serviceName.test(service))
    return { missing: 'a service is named in small letters, digits and dashes, like `rds`' };
  const known = loaded.get(service);
  if (known !== undefined) return known;
  const exports = exportsOf(service);
  const other = Object.hasOwn(otherNames, service) ? otherNames[service] : undefined;
  const hint = other === undefined ? '' : `; it is called \`${other}\` there`;
  if (typeof exports !== 'object' || exports === null) {
    const how =
      bundled === undefined
        ? `install it where Pawl is: \`npm install @aws-sdk/client-${other ?? service}\`, with \`--global\` where Pawl is installed so`
        : `add "${other ?? service}" to infra/aws-clients.json, install its package, and deploy again`;
    return { missing: `there is no client for the service \`${service}\` here${hint}; ${how}` };
  }
  const all = exports as Record<string, unknown>;
  const name = Object.keys(all).find((one) => /^[A-Z]\w*Client$/.test(one) && typeof all[one] === 'function');
  if (name === undefined)
    return { missing: `the package @aws-sdk/client-${service} holds no client; install a newer one` };
  const found = { Client: all[name] as Package['Client'], exports: all };
  loaded.set(service, found);
  return found;
};
