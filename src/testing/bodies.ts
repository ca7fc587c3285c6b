/**
 * What carries the bodies of a test out: the real executor, or the answers that the author gave for them. Counts what
 * begins, and tells a probe from the cell that it asks about.
 */
import type { Cell, CellInput, CellResult, Execute } from '../engine/index.ts';
import type { Ended } from './report.ts';

export type StubInput = {
  params: Record<string, unknown>;
  /** Parsed, by cell. */
  outputs: Record<string, unknown>;
  step: CellInput['step'];
};
/** What JSON can say. */
export type StubValue = string | number | boolean | null | readonly unknown[] | { readonly [name: string]: unknown };
/** A value is the output of a cell that completed; a function makes it, and the cell failed when it throws. */
export type Stub = StubValue | ((input: StubInput) => unknown);
/** By cell, `name`; by the probe of a cell, `name.probe`. Of a run, behind the name of its cell: `restore/name`. */
export type Stubs = Readonly<Record<string, Stub>>;

export type Role = 'cell' | 'probe' | 'poll';
type Result = Omit<Ended, 'satisfied'>;
export type Bodies = {
  execute: Execute;
  /** Whether one is running. */
  isBusy(): boolean;
  /** How often the body of a cell was begun, by the name that the test has for it. */
  times: Map<string, number>;
  /** How the newest attempt of a cell ended, by `bodyOf`. */
  results: Map<string, Result>;
};

/** What one engine may let begin. */
export type Rules = {
  /** Only probes: every body that is asked for is one. */
  onlyProbes?: boolean;
  /** In place of the first attempt of this cell. */
  instead?: { cell: string; result: CellResult };
};

/** A cell of one run: every element of a section goes through it by itself. */
export const bodyOf = (instanceId: string, cell: string): string => `${instanceId} ${cell}`;

/** The cell of an instance, and the name that the test has for it. */
type Which = (step: Pick<CellInput['step'], 'instanceId' | 'cell'>) => { name: string; cell: Cell };

const roleOf = (cell: Cell, begun: Set<string>, { step }: CellInput, rules: Rules): Role => {
  if (cell.poll !== undefined) return 'poll';
  // A probe is asked about a reservation that is closed or abandoned, so that reservation's body has had its turn.
  return rules.onlyProbes === true || begun.has(`${bodyOf(step.instanceId, step.cell)} ${step.seq}`) ? 'probe' : 'cell';
};

const parsed = (texts: Record<string, string>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, JSON.parse(text) as unknown]));

const answer = async (stub: Stub, { params, outputs, step }: CellInput): Promise<CellResult> => {
  try {
    const value = typeof stub === 'function' ? await stub({ params, outputs: parsed(outputs), step }) : stub;
    return { status: 'completed', output: JSON.stringify(value ?? null) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { status: 'failed', error: { code: 'cell.failed', message } };
  }
};

const notAsked = (what: string): CellResult => ({
  status: 'never',
  error: { code: 'test.notAsked', message: `The test does not ask ${what}.` },
});

export const isStubbed = (stubs: Stubs, name: string): boolean => Object.hasOwn(stubs, name);

/** Bodies of a whole test; `by` makes the executor of one engine in it. */
export const createBodies = (which: Which, really: Execute, stubs: Stubs) => {
  const times = new Map<string, number>();
  let running = 0;
  const by = (rules: Rules = {}): Bodies => {
    const begun = new Set<string>();
    const results = new Map<string, Result>();
    let { instead } = rules;
    const runBody = async (input: CellInput, role: Role): Promise<CellResult> => {
      const { name: cell } = which(input.step);
      const name = role === 'probe' ? `${cell}.probe` : cell;
      // Time is moved, so a poll that is looked at under a crash could be over before its time.
      if (role === 'poll' && rules.onlyProbes === true) return notAsked('a poll twice');
      if (isStubbed(stubs, name)) return await answer(stubs[name] ?? null, input);
      // What the test answered for did not happen, so a probe that asks the world about it is misled.
      if (role === 'probe' && isStubbed(stubs, cell)) return notAsked('the probe of a cell that it answered for');
      times.set(name, (times.get(name) ?? 0) + 1);
      return await really(input);
    };
    const execute: Execute = async (input) => {
      const role = roleOf(which(input.step).cell, begun, input, rules);
      const body = bodyOf(input.step.instanceId, input.step.cell);
      begun.add(`${body} ${input.step.seq}`);
      if (role === 'cell' && instead?.cell === input.step.cell) {
        const { result } = instead;
        instead = undefined;
        return result;
      }
      running += 1;
      try {
        const result = await runBody(input, role);
        const { status, output = null, exitCode = null, error } = result;
        const ended = {
          status,
          output,
          exitCode,
          error: error === undefined ? null : `${error.code}: ${error.message}`,
        };
        if (role !== 'probe') results.set(body, ended);
        return result;
      } finally {
        running -= 1;
      }
    };
    return { execute, isBusy: () => running > 0, times, results };
  };
  return { by, times };
};
