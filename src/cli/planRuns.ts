/** How a plan tells what a `run` cell would run: which version, over what, and with what. */
import { limits, type PlannedRun } from '../engine/index.ts';
import { harmless } from './screen.ts';

/** `restore_db version 3`. */
const namedText = ({ runbookId, version }: PlannedRun): string =>
  version === null ? runbookId : `${runbookId} version ${version}`;

export const runPolicy = (run: PlannedRun, takesBack: boolean): string => {
  const { as, max, stopAfter, within, title } = run;
  if (takesBack) return `run by run, the last first, ${max} at a time, by what ${namedText(run)} has for it`;
  const what = `runs ${namedText(run)}${title === null || title === run.runbookId ? '' : ` (${harmless(title)})`}`;
  const over =
    as === null
      ? ', once'
      : ` for every ${as} of this list, ${max} at a time; no more begin after ${stopAfter} that failed, halted, are in doubt or were given up`;
  const given = within === null ? '' : `; gives up after ${within} behind a lock`;
  return `${what}${over}${given}`;
};

const unshown = ({ title }: PlannedRun): string =>
  title === null
    ? 'its cells are not known here: there is no store in which it is published'
    : `its cells are not shown: a plan shows at most ${limits.plannedCellsMax} of what it runs (plannedCellsMax)`;

/** What stands below it, a line each. */
export const runLines = (run: PlannedRun, takesBack: boolean): string[] => {
  if (takesBack) return [];
  const { params, output, newest, version, cells, runbookId } = run;
  const newer = `version ${newest} of ${runbookId} is newer: name it, or leave @${version} out`;
  return [
    ...(newest === null ? [] : [`newer   ${newer}`]),
    ...Object.entries(params).map(([name, value]) => `with    ${name} = ${harmless(value)}`),
    ...(output === null ? [] : [`output  ${harmless(output)}`]),
    ...(cells === null ? [`        ${unshown(run)}`] : []),
  ];
};
