/**
 * The secrets of a cell: read before its reservation, which names their versions. What needs them and cannot have them waits, and
 * nothing is written. The values are in no entry, note, view, event or message: only in what is handed to the executor.
 *
 * The attempts of a visit keep the version of the first, unless a person permits one: then the newest is read. A probe and
 * a look of a poll take the newest too: they have no effect, and a version that was replaced asks nobody any more.
 */
import type { Failure } from '../model/fields.ts';
import type { Cell, CellBody } from '../model/runbook.ts';
import type { State } from '../model/state.ts';
import type { CellInput, RenderedBody, Scope } from '../ports.ts';
import { type Call, stateOf } from './call.ts';
import { failure } from './outcomes.ts';

/** What is handed to the executor, and the versions for the reservation; without secrets nothing. */
export type Given = { secrets?: NonNullable<CellInput['secrets']>; versions?: Record<string, string> };

export type SecretsFor =
  | ({ kind: 'go' } & Given)
  /** In words, for people: what it waits for. */
  | { kind: 'waits'; missing: string[] }
  | { kind: 'cannot'; error: Failure };

/** What stands for a value where a hash is made, or no value is needed: so the inputs stay the same when it is replaced. */
export const placeholdersOf = ({ uses = [] }: Pick<Cell, 'uses'>): Pick<Scope, 'secrets'> =>
  uses.length === 0 ? {} : { secrets: Object.fromEntries(uses.map((name) => [name, `{{ secrets.${name} }}`])) };

/** The versions that the next attempt keeps. */
const pinnedIn = ({ secrets, permission }: State): Record<string, string> =>
  permission === 'person' ? {} : (secrets ?? {});

/** Reads what the cell uses: of an attempt with the versions that its visit keeps. */
export const secretsFor = async (call: Call, cell: Pick<Cell, 'uses'>, of: 'attempt' | 'look'): Promise<SecretsFor> => {
  const { uses = [] } = cell;
  if (uses.length === 0) return { kind: 'go' };
  const { engine, runbook } = call;
  if (engine.secrets === undefined)
    return { kind: 'waits', missing: uses.map((name) => `secret ${name}, and nothing here has secrets`) };
  const specs = uses.map((name) => [name, runbook.secrets?.[name] ?? { from: '', hosts: [] }] as const);
  const wanted = Object.fromEntries(specs.map(([name, { from }]) => [name, from]));
  const found = await engine.secrets.read(wanted, of === 'attempt' ? pinnedIn(stateOf(call)) : {});
  if (found.kind === 'missing') return { kind: 'waits', missing: found.what };
  if (found.kind === 'gone') {
    const message = `Its earlier attempt had ${found.what}, which is gone; \`pawl verdict --retry\` takes the newest.`;
    return { kind: 'cannot', error: failure('secret.gone', message) };
  }
  const values = specs.flatMap(([name, { hosts }]) => {
    const read = found.values[name];
    return read === undefined ? [] : [[name, { ...read, hosts }] as const];
  });
  return {
    kind: 'go',
    secrets: Object.fromEntries(values.map(([name, { value, hosts }]) => [name, { value, hosts }])),
    versions: Object.fromEntries(values.map(([name, { version }]) => [name, version])),
  };
};

type Filled = { kind: 'body'; body: RenderedBody } | { kind: 'cannot'; error: Failure };

/**
 * What of it goes to whoever carries out that body: code gets all, a request what it names. What is only its probe's must not be
 * refused for the hosts of the other.
 */
export const givenTo = (source: CellBody, given: Given): Given => {
  const { secrets, ...rest } = given;
  const isCode = source.kind === 'ts' || source.kind === 'js' || source.kind === 'sh' || source.kind === 'task';
  if (isCode || secrets === undefined) return given;
  const parts = source.kind === 'http' ? [...source.headers.flatMap(([, value]) => value), ...(source.body ?? [])] : [];
  const isNamed = (name: string): boolean =>
    parts.some((part) => typeof part !== 'string' && part.expression === `secrets.${name}`);
  const named = Object.entries(secrets).filter(([name]) => isNamed(name));
  return named.length === 0 ? rest : { ...rest, secrets: Object.fromEntries(named) };
};

/** The body with the values in it; only requests have any, code gets them otherwise. */
export const filledWith = (
  call: Call,
  source: CellBody,
  rendered: RenderedBody,
  given: Given,
  scope: Scope,
): Filled => {
  if (source.kind !== 'http' || given.secrets === undefined) return { kind: 'body', body: rendered };
  const secrets = Object.fromEntries(Object.entries(given.secrets).map(([name, { value }]) => [name, value]));
  const filled = call.engine.authoring.renderBody(source, { ...scope, secrets });
  return filled.kind === 'body' ? filled : { kind: 'cannot', error: failure('inputs.unresolvable', filled.message) };
};
