/** Operations that go on with an instance, decide about it, or end it. */
import type { InputOf } from '../contract/index.ts';
import { ran, withManned } from './moved.ts';
import { move } from './moving.ts';
import type { Operations } from './operation.ts';
import { decideMany } from './verdicts.ts';

const maxCellsOf = (maxCells: number | 'all' | undefined): number =>
  maxCells === 'all' ? Number.POSITIVE_INFINITY : (maxCells ?? 1);

/** A file comes as base64. */
const doneOf = ({ attachment, ...body }: InputOf<'done'>['body']) => {
  if (attachment === undefined) return body;
  const { name, base64, sha256 } = attachment;
  return { ...body, attachment: { name, sha256, content: Buffer.from(base64, 'base64') } };
};

export const commandOperations: Pick<
  Operations,
  'advance' | 'run' | 'cancel' | 'undo' | 'verdict' | 'verdicts' | 'release' | 'done'
> = {
  advance: async (deps, { path, body }, call) => {
    const { maxCells, ...rest } = body;
    const { status, answer, headers } = await move(deps, call, path, { ...rest, maxCells: maxCellsOf(maxCells) });
    return { status, body: await withManned(deps, answer), headers };
  },

  run: async (deps, { path, body }, call) =>
    ran(deps, await move(deps, call, path, { ...body, drive: 'auto', maxCells: Number.POSITIVE_INFINITY })),

  cancel: async ({ engine }, { path: { instanceId }, body }, { by }) => {
    const { reason, ...how } = body;
    const cancelled = await engine.cancel(instanceId, reason, by, how);
    if (cancelled.mayStillRun === null) return { status: 200, body: cancelled };
    return { status: 202, body: cancelled, headers: { location: `/instances/${instanceId}` } };
  },

  undo: async ({ engine }, { path, body }, { by }) => ({
    status: 200,
    body: await engine.undo(path.instanceId, { ...body, by }),
  }),

  verdict: async ({ engine }, { path, body }, { by }) => ({
    status: 200,
    body: await engine.verdict(path.instanceId, { ...body, by }),
  }),

  verdicts: async (deps, { body }, { by }) => ({ status: 200, body: { steps: await decideMany(deps, body, by) } }),

  release: async ({ engine }, { path, body: { reason, ...how } }, { by }) => ({
    status: 200,
    body: await engine.release(path.instanceId, reason, by, how),
  }),

  done: async ({ engine }, { path, body }, { by }) => ({
    status: 200,
    body: await engine.done(path.instanceId, path.cell, { ...doneOf(body), by }),
  }),
};
