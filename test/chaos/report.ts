/** What a run of the chaos says of itself, and what it must have gone through to show anything. */
import type { Aftermath } from './aftermath.ts';

export type ChaosReport = Aftermath & {
  seed: number;
  kills: number;
  /** Of them, with the body of a cell running. */
  killsInCell: number;
  /** Of the workers; the rest were commands. */
  killsOfCommands: number;
  stops: number;
  calls: { http: number; cli: number; ticks: number };
  /** Steps of which a caller, over HTTP or on the command line, was told how they ended. */
  told: number;
  verdicts: number;
  /** How the commands ended, by exit code; `null`: killed. */
  exits: Record<string, number>;
  /** Answers of the service that no caller may be given. */
  defects: string[];
  instances: number;
  ms: number;
};

/** The least of a run of 100 kills or more; a shorter one must show as much for each kill. */
const killsOfMinimums = 100;
const cellsMin = 300;
const doubtsWitnessedMin = 30;
const toldMin = 100;
/** Of calls of each kind, of commands that were done, of bodies that began in commands. */
const ofEachMin = 10;
/** Until so many were started the killing goes on: on a quick machine it could be over before much has happened. */
const instancesMin = 60;

const shareOf = (kills: number): number => Math.min(1, kills / killsOfMinimums);
export const instancesMinOf = (kills: number): number => Math.ceil(instancesMin * shareOf(kills));

/** Of the kills with a body running, and of the stops during which the step was closed by somebody else. */
const killsInCellMin = 1 / 3;
const stopsOvertakenMin = 1 / 10;

/** A command that was not killed: done, refused, parked, in flight, in doubt, or somebody was first. */
const exitsExpected = ['0', '1', '3', '4', '5', 'null'];

const atLeast = (what: string, is: number, min: number): string[] =>
  is >= min ? [] : [`too little happened: ${is} ${what}, and ${Math.ceil(min)} are the least`];

/** What can be known while a run goes on: it goes on until there is enough of it. How soon that is, the machine says. */
export type SoFar = Pick<ChaosReport, 'told' | 'exits' | 'beginsOfCommands' | 'calls'>;
export const lackingOf = ({ told, exits, beginsOfCommands, calls }: SoFar, kills: number): string[] => {
  const share = shareOf(kills);
  return [
    ...atLeast('steps told', told, share * toldMin),
    ...atLeast('commands that were done', exits['0'] ?? 0, share * ofEachMin),
    ...atLeast('bodies begun by commands', beginsOfCommands, share * ofEachMin),
    ...Object.entries(calls).flatMap(([kind, count]) => atLeast(`calls (${kind})`, count, share * ofEachMin)),
  ];
};

/** Sentences about what must not be; empty when the run shows what it is there to show. */
export const problemsOf = (report: ChaosReport, asked: { kills: number; stops: number }): string[] => {
  const { exits } = report;
  const share = shareOf(asked.kills);
  return [
    ...report.wrong,
    ...report.defects,
    ...Object.keys(exits)
      .filter((exit) => !exitsExpected.includes(exit))
      .map((exit) => `${exits[exit]} commands ended with ${exit}`),
    ...atLeast('kills', report.kills, asked.kills),
    ...atLeast('kills with a cell running', report.killsInCell, asked.kills * killsInCellMin),
    ...atLeast('stops', report.stops, asked.stops),
    ...atLeast('stops with their step taken over', report.stopsOvertaken, asked.stops * stopsOvertakenMin),
    ...atLeast('cells completed', report.cellsCompleted, share * cellsMin),
    ...atLeast('doubts with a line of the witness', report.doubtsWitnessed, share * doubtsWitnessedMin),
    ...lackingOf(report, asked.kills),
  ];
};

export const reportText = (report: ChaosReport): string => {
  const { calls, exits, ms } = report;
  return [
    `seed ${report.seed}: ${report.kills} kills (${report.killsInCell} with a cell running, ${report.killsOfCommands} of commands), ${report.stops} stops (in ${report.stopsOvertaken} the step was taken over), ${(ms / 1_000).toFixed(0)} s`,
    `${report.instances} instances, ${report.cellsCompleted} cells completed, ${report.begins} begun (${report.beginsOfCommands} by commands)`,
    `${report.doubts} doubts (${report.doubtsWitnessed} with a line of the witness), ${report.verdicts} decided by the operator`,
    `calls: ${calls.http} over HTTP, ${calls.cli} commands (exit codes ${JSON.stringify(exits)}), ${calls.ticks} ticks; ${report.told} steps told`,
  ].join('\n');
};
