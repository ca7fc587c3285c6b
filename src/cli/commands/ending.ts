/** cancel and undo: what ends an instance before it has completed. */
import { Option } from 'commander';
import type { BodyOf } from '../../contract/index.ts';
import { isEndUnderWay, isPawlError } from '../../engine/index.ts';
import type { Instance } from '../client.ts';
import { exits } from '../exits.ts';
import { explain } from '../explain.ts';
import { duration, unbroken } from '../format.ts';
import { harmless } from '../screen.ts';
import type { Answer, Session } from '../session.ts';
import { shellWord } from '../shellWord.ts';
import { readStep } from '../step.ts';
import { stopCleanupCommand } from '../ways.ts';
import { type AddCommands, saidInWords, wholeNumber, withExamples } from './common.ts';

/** How long a step that was under way may go on, in words. */
const untilText = (deadlineAtMs: number, nowMs: number): string => {
  const leftMs = deadlineAtMs - nowMs;
  return leftMs > 0 ? `may still run for ${duration(leftMs)}` : 'its time is over, but its outcome may still come';
};

/** Elements with which a run ends that was cancelled, one line each. */
const printElements = (
  { screen }: Session,
  what: string,
  { view, head, nowMs }: Instance,
  { elements, unreached }: BodyOf<'cancel'>,
): void => {
  const { print } = screen;
  const { instanceId } = view;
  const status = (id: string): string => `\`pawl status ${shellWord(id)}\``;
  const isEndLeft = head.state.owes !== undefined || isEndUnderWay(head.state);
  const last = isEndLeft
    ? ', but what is at its end, once the last of these has ended:'
    : '. It ends with the last of these:';
  print(`${what} ${instanceId}: nothing further begins in it, nor in its elements${last}`);
  for (const { instanceId: element, cell, deadlineAtMs } of elements) {
    const isToDecide = isEndLeft && deadlineAtMs <= nowMs;
    const until = isToDecide ? `its time is over: ${status(element)}` : untilText(deadlineAtMs, nowMs);
    print(`  ${element}  ${cell} is under way and ${until}`);
  }
  const late = unreached.filter(({ why }) => why === 'late').length;
  for (const { instanceId: element, why } of unreached)
    print(
      `  ${element}  ${why === 'late' ? 'was not told yet' : 'its journal is broken: restore it, or cancel it by its id'}`,
    );
  if (late > 0)
    print(`Whoever looks at ${instanceId} next tells them, the schedule of a service or the same command again.`);
  print(`How each ends is recorded: ${status(instanceId)}.`);
};

type CancelOptions = { reason: string; undo?: true; stopCleanup?: true; seq?: number };

const cancel = async (session: Session, instanceId: string, options: CancelOptions): Promise<Answer> => {
  const { screen, client } = session;
  // By name: what is given may have options of the command line's own, as `--json`.
  const { reason, undo: takesBack, stopCleanup, seq: expectedSeq } = options;
  const body = { reason, undo: takesBack, stopCleanup, expectedSeq };
  const cancelled = await client.cancel({ path: { instanceId }, body });
  const { mayStillRun, stays } = cancelled;
  const { print } = screen;
  const what = options.stopCleanup === true ? 'Stopped what is at the end of' : 'Cancelled';
  const instance = await client.instance(instanceId).catch((error: unknown) => {
    if (!isPawlError(error, 'journal.broken')) throw error;
    print(
      `Ended ${instanceId}: its journal is broken, so nothing more of it can be shown; see \`pawl verify ${shellWord(instanceId)}\`.`,
    );
    return null;
  });
  if (instance === null) return { exit: exits.done, document: { ...cancelled, undecided: null, step: null } };
  if (cancelled.elements.length + cancelled.unreached.length > 0) {
    printElements(session, what, instance, cancelled);
    return { exit: exits.done, document: { ...cancelled, undecided: null, step: null } };
  }
  if (mayStillRun === null) {
    await explain(session, instance);
    const leftInDoubt = instance.head.state.halted?.doubt ? instance.head.state.halted : null;
    const undecided = leftInDoubt === null ? null : { cell: leftInDoubt.cell, seq: leftInDoubt.seq };
    return { exit: exits.done, document: { ...cancelled, undecided, step: null } };
  }
  const { state } = instance.head;
  const isUnderWay = isEndUnderWay(state);
  const isEndLeft = state.owes !== undefined || isUnderWay;
  print(`${what} ${instanceId}: nothing further begins in it${isEndLeft ? ', but what is at its end' : ''}.`);
  if (isUnderWay) print(`That is under way. To stop it: \`${stopCleanupCommand(instanceId, instance.head.seq)}\`.`);
  if (stays.length > 0) print(`As it is stays: ${stays.join(', ')}.`);
  if (instance.view.status === 'in_doubt') {
    const step = await explain(session, instance);
    return { exit: exits.done, document: { ...cancelled, step } };
  }
  print(
    `${mayStillRun.cell} is under way and ${untilText(mayStillRun.deadlineAtMs, instance.nowMs)}; how it ends is recorded: \`pawl status ${shellWord(instanceId)}\`.`,
  );
  const step = await readStep(session, instance.view, { ...instance, status: instance.view.status });
  return { exit: exits.done, document: { ...cancelled, step: step ?? null } };
};

const undo = async (
  session: Session,
  instanceId: string,
  { reason, manual, seq: expectedSeq }: { reason: string; manual?: true; seq?: number },
): Promise<Answer> => {
  const { screen, client } = session;
  const { view } = await client.undo({ path: { instanceId }, body: { reason, manual, expectedSeq } });
  screen.print(`Given up: ${instanceId}, by ${harmless(session.settings.by.actor)}: ${unbroken(harmless(reason))}`);
  const instance = await client.instance(instanceId);
  const step = await explain(session, instance);
  return { exit: exits.done, document: { view, ending: instance.ending, step: step ?? null } };
};

export const addEnding: AddCommands = (program, runner) => {
  const cancelling = program.command('cancel').argument('<instance>', 'id of an instance');
  cancelling.description(
    'Ends an instance for good. A step that is under way may still end, and is recorded; nothing begins after it but what its\nrunbook has for that end: sections with `on=cancel` and `on=always`. What was done stays, unless --undo takes it back.',
  );
  cancelling
    .requiredOption('--reason <text>', 'why; kept in the journal', saidInWords)
    .addOption(
      new Option(
        '--undo',
        'takes back what was done before it ends, the last first: what has an `undo=` fence',
      ).conflicts('stopCleanup'),
    )
    .option('--stop-cleanup', 'stops what is gone through at the end, once that is under way, and says what stays')
    .option('--seq <n>', 'refuse unless this is its newest entry, as `pawl status` shows it', wholeNumber(0));
  withExamples(
    cancelling,
    'pawl cancel post_merge.pr-7 --reason "the merge was reverted"',
    'pawl cancel post_merge.pr-7 --undo --reason "the wrong region"',
    'pawl cancel post_merge.pr-7 --stop-cleanup --seq 12 --reason "put back by hand"',
  ).action(runner(cancel));

  const undoing = program.command('undo').argument('<instance>', 'id of an instance that is halted');
  undoing.description(
    'Gives up an instance that stands at a known failure, and takes back what it did, the last first: what has an `undo=`\nfence. Then its sections with `on=failure` and `on=always` are gone through, and it has ended: failed, or rolled back where\nwhatever had begun was taken back. `pawl status` says before what that would be. Refused while a step is in doubt.\nThe way forward is closed from then on. What follows goes by itself with the schedule of a service, or by `pawl advance`.',
  );
  undoing
    .requiredOption('--reason <text>', 'why; kept in the journal', saidInWords)
    .option('--manual', 'nothing of it goes by itself: each of its cells is advanced by a person')
    .option('--seq <n>', 'refuse unless this is its newest entry, as `pawl status` shows it', wholeNumber(0));
  withExamples(
    undoing,
    'pawl undo post_merge.pr-7 --reason "not tonight"',
    'pawl undo post_merge.pr-7 --manual --reason "step by step"',
  ).action(runner(undo));
};
