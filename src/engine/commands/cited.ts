/** Whether a run that is continued went into the sections in which its continuation would begin, and how one goes on over its elements. */
import { type Call, stateOf } from '../call/call.ts';
import type { Cited } from '../call/cited.ts';
import { PawlError } from '../model/errors.ts';
import { branchesOf } from '../model/levels.ts';
import { limits } from '../model/limits.ts';
import type { Cell, Runbook } from '../model/runbook.ts';
import { notAgainIn } from '../waiting/again.ts';
import { leftRunning } from '../waiting/carrying.ts';
import type { Opening } from '../waiting/openings.ts';

export const refuse = (message: string, details: Record<string, unknown>): never => {
  throw new PawlError('continue.refused', message, details);
};

/**
 * Whether the elements of a section can be gone on with that the earlier run was left at.
 * @throws PawlError `continue.refused`, naming elements
 */
export const assertElements = async (call: Call, opening: Opening, section: Cell, reason = ''): Promise<void> => {
  const found = await notAgainIn(call, { opening, version: section });
  const refused = reason.trim() === '' ? found : found.filter(({ isFinal }) => isFinal);
  if (refused.length === 0) return;
  const { instanceId } = call;
  const shown = refused
    .slice(0, 3)
    .map((one) => `${one.instanceId} ${one.why}`)
    .join('; ');
  const next = refused.some(({ isFinal }) => isFinal)
    ? 'settle that first (`pawl doubts`); what has ended so stays so: find out, and start a run of its own'
    : 'give a reason (`--reason TEXT`) for what would happen again';
  refuse(`Section ${section.name} of ${instanceId} cannot be gone on with: ${shown}. To continue it, ${next}.`, {
    instanceId,
    cell: section.name,
    elements: refused.slice(0, limits.pageMax).map((one) => one.instanceId),
  });
};

/** An element has begun something since it was looked at: nothing goes on beside that. */
export const refuseUnended = async (call: Call): Promise<never> => {
  const { open } = stateOf(call);
  const [running] = open?.kind === 'waiting' ? (await leftRunning(call, open, call.endAtMs)).running : [];
  const { instanceId } = call;
  const what =
    running === undefined
      ? 'an element of it has not ended yet'
      : `cell ${running.cell} of ${running.instanceId} is under way until ${new Date(running.deadlineAtMs).toISOString()} at most`;
  return refuse(`Instance ${instanceId} was cancelled to go on from it, and ${what}: continue it again after that.`, {
    instanceId,
  });
};

/**
 * @param line the run and those that it goes on from
 * @throws PawlError `continue.refused`: where it would go into a section that the earlier run did not go into, or, without a reason,
 * into one that it went into by another `when`
 */
export const assertEntered = (
  line: [Call, ...Call[]],
  runbook: Runbook,
  first: Cell,
  { states }: Cited,
  reason = '',
): void => {
  const [{ instanceId }] = line;
  const details = { instanceId, cell: first.name };
  const around = branchesOf(runbook, first.index);
  const passed = around.find((name) => states[name] !== undefined);
  if (passed !== undefined) {
    const message = `Cell ${first.name} stands in the section ${passed}, which ${instanceId} passed over: continue at ${passed}, where that is judged anew, or after its section.`;
    refuse(message, details);
  }
  if (reason.trim() !== '') return;
  const branchIn = ({ cells }: Runbook, wanted: string): Cell | undefined => cells.find(({ name }) => name === wanted);
  /** Where it was judged: later runs of the line only cite that. */
  const judgedIn = (name: string): Call | undefined =>
    line.find((run) => (branchIn(run.runbook, name)?.index ?? -1) >= stateOf(run).from);
  const changed = (name: string): boolean => {
    const judged = judgedIn(name);
    return (
      judged === undefined || branchIn(judged.runbook, name)?.when?.source !== branchIn(runbook, name)?.when?.source
    );
  };
  const other = around.find(changed);
  if (other === undefined) return;
  const where = judgedIn(other)?.instanceId ?? instanceId;
  const message = `Cell ${first.name} stands in the section ${other}, which ${where} went into by another \`when\` than it has now: give a reason (\`--reason TEXT\`), or continue at ${other}, where it is judged anew.`;
  refuse(message, details);
};
