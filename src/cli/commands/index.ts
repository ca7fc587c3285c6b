/**
 * Every command with what it is for, in the order of `pawl --help`. What is behind one is loaded when it is named: to
 * read the list of commands takes as long as an empty program, nearly.
 */
import type { AddCommands } from './common.ts';

type Group = { commands: Record<string, { args: string; summary: string }>; load(): Promise<AddCommands> };

const groups: Group[] = [
  {
    commands: {
      check: { args: '<file...>', summary: 'find every mistake in documents' },
      plan: { args: '<file>', summary: 'show what a document would do' },
      publish: { args: '<file...>', summary: 'store documents as immutable versions' },
      schema: { args: '', summary: 'print the JSON Schema of front matter' },
    },
    load: async () => (await import('./authoring.ts')).addAuthoring,
  },
  {
    commands: { test: { args: '<file> [runs...]', summary: 'run a document under crashes' } },
    load: async () => (await import('./testing.ts')).addTesting,
  },
  {
    commands: {
      runbooks: { args: '', summary: 'list what is published' },
      show: { args: '<runbook>', summary: 'print the document of a version' },
      diff: { args: '<from> [to]', summary: 'show what differs between two versions' },
      new: { args: '<name>', summary: 'write a small runbook to begin with' },
    },
    load: async () => (await import('./runbooks.ts')).addRunbooks,
  },
  {
    commands: {
      run: { args: '<file>', summary: 'publish, start and run a document to its end' },
      start: { args: '<runbook>', summary: 'start an instance and run nothing yet' },
      rerun: { args: '<instance>', summary: 'start the same again, as a new instance' },
      advance: { args: '<instance>', summary: 'move an instance forward' },
      done: { args: '<instance> <cell>', summary: 'record that a person did a manual cell' },
    },
    load: async () => (await import('./moving.ts')).addMoving,
  },
  {
    commands: {
      cancel: { args: '<instance>', summary: 'end an instance for good' },
      undo: { args: '<instance>', summary: 'give a failed instance up, and take back what it did' },
    },
    load: async () => (await import('./ending.ts')).addEnding,
  },
  {
    commands: {
      status: { args: '<instance>', summary: 'show where an instance stands' },
      journal: { args: '<instance>', summary: 'show what happened, entry by entry' },
    },
    load: async () => (await import('./reading.ts')).addReading,
  },
  {
    commands: { list: { args: '', summary: 'list instances, newest first' } },
    load: async () => (await import('./list.ts')).addList,
  },
  {
    commands: {
      logs: { args: '<instance> [cell]', summary: 'show what cells have logged' },
      output: { args: '<instance> <cell>', summary: 'print what a cell has given' },
      attachment: { args: '<instance> <cell>', summary: 'list and write the files that were attached to a cell' },
    },
    load: async () => (await import('./evidence.ts')).addEvidence,
  },
  {
    commands: {
      verify: { args: '[instances...]', summary: 'check that journals are what was written' },
      rebuild: { args: '[instances...]', summary: 'make views again, from the journals' },
      backup: { args: '<file>', summary: 'copy the store of this machine, also while it is at work' },
    },
    load: async () => (await import('./keeping.ts')).addKeeping,
  },
  {
    commands: { doubts: { args: '', summary: 'list every step in doubt, and the ways out of each' } },
    load: async () => (await import('./doubts.ts')).addDoubts,
  },
  {
    commands: {
      verdict: { args: '[instance]', summary: 'decide about a step in doubt or halted' },
      release: { args: '<instance>', summary: 'let an instance go on after a restore from backup' },
    },
    load: async () => (await import('./deciding.ts')).addDeciding,
  },
  {
    commands: { vote: { args: '<instance> <cell>', summary: 'approve, reject, or show what is asked' } },
    load: async () => (await import('./voting.ts')).addVoting,
  },
  {
    commands: { claim: { args: '', summary: 'facts that runbooks wait for: set, get, history, list' } },
    load: async () => (await import('./claims.ts')).addClaims,
  },
  {
    commands: { redrive: { args: '[file...]', summary: 'record outcomes that the store did not take' } },
    load: async () => (await import('./redriving.ts')).addRedriving,
  },
  {
    commands: { context: { args: '', summary: 'named places to work with: list, use, set, remove' } },
    load: async () => (await import('./contexts.ts')).addContexts,
  },
  {
    commands: {
      serve: { args: '', summary: 'serve the HTTP API, the schedule and cells from this machine' },
      login: { args: '', summary: 'make a link by which a browser logs in to a service of this machine' },
    },
    load: async () => (await import('./serving.ts')).addServing,
  },
  {
    commands: { console: { args: '', summary: 'show the page of a service elsewhere, and sign what it asks' } },
    load: async () => (await import('./console.ts')).addConsole,
  },
  {
    commands: {
      worker: { args: '', summary: 'run what belongs to a place, on this machine' },
      workers: { args: '', summary: 'list workers, and when each was seen last' },
    },
    load: async () => (await import('./worker.ts')).addWorkers,
  },
  {
    commands: { completion: { args: '<shell>', summary: 'print what makes a shell complete commands and ids' } },
    load: async () => (await import('./completing.ts')).addCompletion,
  },
  {
    commands: { demo: { args: '', summary: 'see it work in ten seconds' } },
    load: async () => (await import('./demo.ts')).addDemo,
  },
];

export const commandNames: readonly string[] = groups.flatMap(({ commands }) => Object.keys(commands));

/** A command that is named anywhere in `argv` comes with all it has, the others with what the list says of them. */
export const addCommands = async (
  argv: readonly string[],
  ...[program, run]: Parameters<AddCommands>
): Promise<void> => {
  for (const { commands, load } of groups) {
    if (argv.some((word) => Object.hasOwn(commands, word))) (await load())(program, run);
    else for (const [name, { args }] of Object.entries(commands)) program.command(`${name} ${args}`.trimEnd());
    for (const [name, { summary }] of Object.entries(commands))
      program.commands.find((command) => command.name() === name)?.summary(summary);
  }
};
