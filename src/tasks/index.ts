/**
 * What a file of a deployment's `tasks/` imports: `import { defineTask, z } from 'pawl/tasks'`. docs/runbooks.md describes it.
 *
 * @example
 * ```ts
 * export const chargeCard = defineTask({
 *   name: 'charge_card',
 *   input: z.object({ customer: z.string(), cents: z.int().positive() }),
 *   output: z.object({ charge: z.string() }),
 *   run: async ({ input, step }) => ({ charge: await charge(input, step.idempotencyKey) }),
 * });
 * ```
 */
import * as z from 'zod';

export { z };

/** The step, as `js` cells have it. */
export type TaskStep = {
  instanceId: string;
  runbookId: string;
  version: number;
  cell: string;
  /** Seq of the reservation: names the attempt, and grows, so it can fence a target. */
  seq: number;
  visit: number;
  attempt: number;
  idempotencyKey: string;
  deadlineAtMs: number;
  /** Of a cell that takes another back: the idempotency key of that one's visit. */
  originalKey?: string;
};

export type TaskContext<Input> = {
  /** As the schema gave it back. */
  input: Input;
  /** The parameters of the run. */
  params: Record<string, unknown>;
  step: TaskStep;
  /** In a section with `each`: the element and its index, by their names there. */
  each?: Record<string, unknown>;
  /** Of a cell that is gone through at the end of a run: how that came. */
  run?: unknown;
  /** Values of the secrets that the cell uses, by name. */
  secrets: Record<string, string>;
  /** Aborted shortly before the time-out, after which nothing of the task is alive. */
  signal: AbortSignal;
  log(...parts: unknown[]): void;
  /**
   * Of a task with `effects: 'commit'`: these writes stand together with the record that the task completed, or none of them does. May be
   * called several times; nothing is written before `run` has returned.
   */
  commit(...writes: CommitWrite[]): void;
};

type Key = Record<string, string | number>;
type Row = Record<string, string | number | boolean | null>;
type Where = Record<
  string,
  { is: string | number | boolean } | { atLeast: string | number } | { atMost: string | number }
>;
/**
 * One write to a table of yours in the store of Pawl. `insert` where nothing stands at the key; `update` and `check` of one row that is
 * there and of which `where` holds; `delete` of one that is gone already, or of which it holds. `set` gives columns a value, `add` adds to numbers, `check` changes nothing.
 */
export type CommitWrite =
  | { kind: 'insert'; table: string; key: Key; set?: Row }
  | { kind: 'update'; table: string; key: Key; set?: Row; add?: Record<string, number>; where?: Where }
  | { kind: 'delete' | 'check'; table: string; key: Key; where?: Where };

export type TaskOf<Input extends z.ZodType, Output extends z.ZodType> = {
  /** Letters, digits and `_`, unique in the deployment. */
  name: string;
  input: Input;
  output: Output;
  /** It has no effect but what it commits: then it is never in doubt. Without it there is no `commit`. */
  effects?: 'commit';
  /** A throw says that it failed: that is its author's word, and is known not to have happened. */
  run(context: TaskContext<z.output<Input>>): Promise<z.input<Output>> | z.input<Output>;
};

type Schema = Record<string, unknown>;
export type Task = {
  readonly name: string;
  readonly effects?: 'commit';
  /** JSON Schema of what a cell writes as the input, and of what the task returns. */
  describe(): { input: Schema; output: Schema };
  readInput(value: unknown): Promise<{ value: unknown } | { why: string }>;
  readOutput(value: unknown): Promise<{ value: unknown } | { why: string }>;
  run(context: TaskContext<unknown>): Promise<unknown>;
};

const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** By which a task is known for one, also where it was made by another copy of this file. */
const mark = Symbol.for('pawl.task');

/**
 * What only a zod of the task's own can look at is left out: the task reads its input once more before it runs. Names that
 * are not declared are refused at publishing, where they are mistakes, although zod would drop them.
 */
const jsonSchemaOf = (schema: z.ZodType, io: 'input' | 'output'): Schema => {
  const { $schema: _, ...found } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      delete jsonSchema.format;
      if (jsonSchema.pattern?.includes('(?') === true) delete jsonSchema.pattern;
      if (jsonSchema.properties !== undefined) jsonSchema.additionalProperties ??= false;
    },
  });
  return found;
};

const whyOf = (error: z.ZodError): string => {
  const told = error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.length === 0 ? '' : `${path.join('.')}: `}${message}`);
  return told.join('; ');
};

const reader = (schema: z.ZodType) => async (value: unknown) => {
  const read = await schema.safeParseAsync(value);
  return read.success ? { value: read.data } : { why: whyOf(read.error) };
};

/** Declares a task. A cell calls it by its name. */
export const defineTask = <Input extends z.ZodType, Output extends z.ZodType>(task: TaskOf<Input, Output>): Task => {
  const { name, input, output, effects, run } = task;
  if (typeof name !== 'string' || !namePattern.test(name))
    throw new TypeError(
      `${JSON.stringify(name)} is no name of a task: letters, digits and _, at most 64, no digit first`,
    );
  if (effects !== undefined && effects !== 'commit')
    throw new TypeError(`task ${name}: \`effects\` is 'commit', or left out`);
  if (typeof run !== 'function') throw new TypeError(`task ${name} has no function \`run\``);
  if (typeof input?.safeParseAsync !== 'function' || typeof output?.safeParseAsync !== 'function')
    throw new TypeError(`task ${name} needs \`input\` and \`output\`, schemas of zod`);
  const made: Task = {
    name,
    ...(effects === undefined ? {} : { effects }),
    describe: () => ({ input: jsonSchemaOf(input, 'input'), output: jsonSchemaOf(output, 'output') }),
    readInput: reader(input),
    readOutput: reader(output),
    run: async (context) => await run(context as TaskContext<z.output<Input>>),
  };
  return Object.freeze(Object.assign(made, { [mark]: true }));
};
