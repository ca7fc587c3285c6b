/** Whether a run that is continued went into the sections in which its continuation would begin. */
import { type Call, stateOf } from '../call/call.ts';
import type { Cited } from '../call/cited.ts';
import { PawlError } from '../model/errors.ts';
import { branchesOf, type Cell, type Runbook } from '../model/runbook.ts';

export const refuse = (message: string, details: Record<string, unknown>): never => {
  throw new PawlError('continue.refused', message, details);
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
