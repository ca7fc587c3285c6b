/**
 * Code cells and tasks as `api` and `work` see them: a synchronous invocation of `execute-cell` or `execute-task`, never repeated. What it was told
 * and what it says is gzipped: Lambda takes 6 MB, and outputs may be larger than that when they are quoted.
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import * as z from 'zod';
import {
  type CellInput,
  type CellResult,
  type Execute,
  evidenceSchema,
  limits,
  readWrites,
  traceSchema,
} from '../engine/index.ts';

const unpackedBytesMax = 64 * 1024 * 1024;
/** Of what a cell may have sent back: its whole output, its log, and what is around them. */
export const packed = z.strictObject({ v: z.literal(1), gzip: z.base64() });
export type Packed = z.infer<typeof packed>;

export const pack = (value: unknown): Packed => ({ v: 1, gzip: gzipSync(JSON.stringify(value)).toString('base64') });
export const unpack = ({ gzip }: Packed): unknown =>
  JSON.parse(gunzipSync(Buffer.from(gzip, 'base64'), { maxOutputLength: unpackedBytesMax }).toString('utf8'));

export const cellEvent = z.strictObject({
  body: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.enum(['ts', 'js']), code: z.string() }),
    z.strictObject({
      kind: z.literal('sh'),
      code: z.string(),
      errexit: z.literal(true).exactOptional(),
      shell: z.literal('bash').exactOptional(),
    }),
  ]),
  params: z.record(z.string(), z.unknown()),
  outputs: z.record(z.string(), z.string()),
  each: z.record(z.string(), z.unknown()).exactOptional(),
  run: z
    .strictObject({
      failed: z.strictObject({ cell: z.string(), item: z.unknown(), code: z.string(), message: z.string() }).nullable(),
      began: z.strictObject({ by: z.string(), reason: z.string().nullable() }),
      url: z.string().nullable(),
    })
    .exactOptional(),
  step: z.strictObject({
    instanceId: z.string(),
    runbookId: z.string(),
    version: z.int(),
    cell: z.string(),
    seq: z.int(),
    visit: z.int(),
    attempt: z.int(),
    idempotencyKey: z.string(),
    deadlineAtMs: z.number(),
    originalKey: z.string().exactOptional(),
  }),
  timeoutMs: z.int().min(1).max(limits.cellTimeoutMsMax),
  env: z.array(z.string()).exactOptional(),
  trace: traceSchema.exactOptional(),
  secrets: z.record(z.string(), z.strictObject({ value: z.string(), hosts: z.array(z.string()) })).exactOptional(),
});

/** A task of the deployment, by its name: `execute-task` has its code. */
export const taskEvent = cellEvent.extend({
  body: z.strictObject({
    kind: z.literal('task'),
    task: z.string(),
    input: z.string(),
    effects: z.literal('commit').exactOptional(),
  }),
});

const cellAnswer = z.strictObject({
  result: z.strictObject({
    status: z.enum(['completed', 'failed', 'unknown', 'never']),
    output: z.string().exactOptional(),
    outputBytes: z.int().min(0).exactOptional(),
    exitCode: z.int().exactOptional(),
    error: z.strictObject({ code: z.string(), message: z.string() }).exactOptional(),
    unbegun: z.literal(true).exactOptional(),
    made: z.record(z.string(), z.string()).exactOptional(),
    evidence: evidenceSchema().exactOptional(),
    commit: z.array(z.unknown()).exactOptional(),
  }),
  log: z.array(z.strictObject({ stream: z.enum(['stdout', 'stderr']), text: z.string() })),
});
export type CellAnswer = { result: CellResult; log: z.infer<typeof cellAnswer>['log'] };

/** What became of an invocation. `refused`: it provably never began. `lost`: it may have. */
export type Invoked =
  | { kind: 'answer'; payload: string }
  | { kind: 'refused'; why: string }
  | { kind: 'lost'; why: string };

export const shIsOff: CellResult = {
  status: 'failed',
  error: { code: 'cell.shOff', message: 'Shell cells are off in this deployment (allowSh); it did not begin.' },
  unbegun: true,
};

/** A further attempt would find none either. */
const noTasksHere: CellResult = {
  status: 'failed',
  error: {
    code: 'task.unknown',
    message: 'This deployment has no function for tasks: send the cell to a place that has some, by `at=`.',
  },
  unbegun: true,
};

/** Only a task that says so commits anything: what else comes back with writes is no answer. */
const read = (payload: string, { body }: CellInput): CellAnswer | undefined => {
  try {
    const { result, log } = cellAnswer.parse(unpack(packed.parse(JSON.parse(payload))));
    const { commit, ...ended } = result;
    if (commit === undefined) return { result: ended, log };
    const known = readWrites(commit);
    const may = body.kind === 'task' && body.effects === 'commit' && ended.status === 'completed';
    return may && 'writes' in known ? { result: { ...ended, commit: known.writes }, log } : undefined;
  } catch {
    return undefined;
  }
};

/** All of it that the function knows: what is not listed there is of this process alone. */
const eventOf = (input: CellInput): Partial<CellInput> => {
  const known = new Set<string>(Object.keys(cellEvent.shape));
  return Object.fromEntries(Object.entries(input).filter(([name, value]) => known.has(name) && value !== undefined));
};

type InvokeCell = (payload: string, signal: AbortSignal) => Promise<Invoked>;

const remotely = async (input: CellInput, invoke: InvokeCell): Promise<CellResult> => {
  const { signal, timeoutMs } = input;
  const payload = JSON.stringify(pack(eventOf(input)));
  if (payload.length > limits.remotePayloadBytesMax) {
    const message = `What it reads has ${payload.length} bytes when packed; remotePayloadBytesMax is ${limits.remotePayloadBytesMax}.`;
    return { status: 'failed', error: { code: 'cell.inputsTooLarge', message }, unbegun: true };
  }
  const waiting = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs + limits.remoteAnswerMs)]);
  const invoked = await invoke(payload, waiting);
  if (invoked.kind === 'refused') return { status: 'never', error: { code: 'cell.unstarted', message: invoked.why } };
  if (invoked.kind === 'lost') return { status: 'unknown', error: { code: 'cell.lost', message: invoked.why } };
  const answer = read(invoked.payload, input);
  if (answer === undefined) {
    const message = 'What its function answered cannot be read: it may have happened.';
    return { status: 'unknown', error: { code: 'cell.lost', message } };
  }
  for (const { stream, text } of answer.log) input.log(stream, text);
  return answer.result;
};

/** `http` and `aws` cells run here: they need no isolation. Tasks go to `execute-task`, everything else to `execute-cell`. */
export const createRemote = (options: {
  http: Execute;
  aws: Execute;
  allowSh: boolean;
  invoke: InvokeCell;
  /** `undefined`: a stack without that function. */
  invokeTask?: InvokeCell | undefined;
}): Execute => {
  return async (input) => {
    const { kind } = input.body;
    if (kind === 'http') return await options.http(input);
    if (kind === 'aws') return await options.aws(input);
    if (kind === 'sh' && !options.allowSh) return shIsOff;
    if (kind === 'ts' || kind === 'js' || kind === 'sh') return await remotely(input, options.invoke);
    if (kind === 'task')
      return options.invokeTask === undefined ? noTasksHere : await remotely(input, options.invokeTask);
    return { status: 'never', error: { code: 'cell.kind', message: `A ${kind} cell is not executed.` } };
  };
};
