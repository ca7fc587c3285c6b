/** The packaged template, read as a reviewer would: who may do what, and what is in each zip. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

// biome-ignore lint/suspicious/noExplicitAny: a template is JSON of any shape, and every test says what it expects of it.
type Json = any;
export type Resources = Record<
  string,
  { Type: string; Properties: Json; DeletionPolicy?: string; DependsOn?: string | string[] }
>;

export const readTemplate = (folder: string): { Resources: Resources; Outputs: Record<string, { Value: Json }> } =>
  JSON.parse(readFileSync(join(folder, 'cloudformation-template-update-stack.json'), 'utf8'));

export const named = (resources: Resources, type: string): string[] =>
  Object.keys(resources).filter((name) => resources[name]?.Type === type);

/** A value with its intrinsic functions written as text: `JournalTable.Arn`, `ViewsTable.Arn/index/due`. */
export const textOf = (value: Json): string => {
  if (typeof value === 'string') return value;
  if ('Ref' in value) return value.Ref;
  if ('Fn::GetAtt' in value) return value['Fn::GetAtt'].join('.');
  if ('Fn::Sub' in value) return value['Fn::Sub'].replaceAll(/\$\{([^}]+)\}/g, '$1');
  throw new Error(`No text: ${JSON.stringify(value)}`);
};

/** `except`: it is about every action but these. */
export type Statement = { effect: 'Allow' | 'Deny'; actions: string[]; except?: string[]; resources: string[] };

const listOf = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

const statementsIn = (document: Json): Statement[] =>
  document.Statement.map((statement: Json) => {
    // What this reader does not understand must not pass as harmless.
    const known = new Set(['Sid', 'Effect', 'Action', 'NotAction', 'Resource']);
    const unknown = Object.keys(statement).filter((key) => !known.has(key));
    if (unknown.length > 0) throw new Error(`A statement with ${unknown.join(', ')}`);
    const { NotAction } = statement;
    // An allow of everything but a few grows with AWS.
    if (NotAction !== undefined && statement.Effect !== 'Deny') throw new Error('An allow with NotAction');
    return {
      effect: statement.Effect,
      ...(NotAction === undefined
        ? { actions: listOf(statement.Action) }
        : { actions: ['*'], except: listOf(NotAction) }),
      resources: listOf(statement.Resource).map(textOf),
    };
  });

/** Everything that a role or a managed policy says. */
export const statementsOf = (resources: Resources, name: string): Statement[] => {
  const { Type, Properties } = resources[name] ?? { Type: 'nothing' };
  if (Type === 'AWS::IAM::ManagedPolicy' || Type === 'AWS::IAM::Policy') return statementsIn(Properties.PolicyDocument);
  if (Type !== 'AWS::IAM::Role') throw new Error(`${name} is no role and no policy but ${Type}`);
  if (Properties.ManagedPolicyArns !== undefined) throw new Error(`${name} has policies of others`);
  return Properties.Policies.flatMap(({ PolicyDocument }: Json) => statementsIn(PolicyDocument));
};

const literally = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
const covers = (pattern: string, text: string): boolean =>
  new RegExp(`^${pattern.split('*').map(literally).join('.*')}$`).test(text);

/** IAM's order: an explicit deny, then an allow, then nothing. */
export const decision = (
  statements: Statement[],
  action: string,
  resource: string,
): 'allowed' | 'denied' | 'not allowed' => {
  const about = statements.filter(
    ({ actions, except = [], resources }) =>
      actions.some((pattern) => covers(pattern, action)) &&
      !except.some((pattern) => covers(pattern, action)) &&
      resources.some((pattern) => covers(pattern, resource)),
  );
  if (about.some(({ effect }) => effect === 'Deny')) return 'denied';
  return about.length > 0 ? 'allowed' : 'not allowed';
};

/** `action on resource`, one line for each. */
export const allowedBy = (statements: Statement[]): string[] =>
  statements
    .filter(({ effect }) => effect === 'Allow')
    .flatMap(({ actions, resources }) =>
      resources.flatMap((resource) => actions.map((action) => `${action} on ${resource}`)),
    )
    .sort();

/** Resources that wait for one another in a circle, which CloudFormation refuses only when it is asked to make them. */
export const circlesIn = (resources: Resources): string[][] => {
  const textsIn = (value: Json): string[] => {
    if (typeof value !== 'object' || value === null) return [];
    const { Ref, 'Fn::GetAtt': attribute, 'Fn::Sub': text } = value;
    const named = [Ref, attribute?.[0], ...(typeof text === 'string' ? (text.match(/(?<=\$\{)\w+/g) ?? []) : [])];
    return [...named.filter((name) => name in resources), ...Object.values(value).flatMap(textsIn)];
  };
  const needs = Object.fromEntries(
    Object.entries(resources).map(([name, { Properties, DependsOn = [] }]) => [
      name,
      new Set([...listOf(DependsOn), ...textsIn(Properties)]),
    ]),
  );
  const whole = new Set<string>();
  const from = (name: string, path: string[]): string[][] => {
    if (whole.has(name)) return [];
    if (path.includes(name)) return [[...path.slice(path.indexOf(name)), name]];
    const found = [...(needs[name] ?? [])].flatMap((next) => from(next, [...path, name]));
    if (found.length === 0) whole.add(name);
    return found;
  };
  return Object.keys(resources).flatMap((name) => from(name, []));
};

/** What is in a zip, by its central directory. */
export const unzip = (file: string): Map<string, Buffer> => {
  const zip = readFileSync(file);
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const files = new Map<string, Buffer>();
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const name = zip.toString('utf8', at + 46, at + 46 + nameBytes);
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const packed = zip.subarray(start, start + zip.readUInt32LE(at + 20));
    files.set(name, zip.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed));
    at += 46 + nameBytes + extraBytes + commentBytes;
  }
  return files;
};
