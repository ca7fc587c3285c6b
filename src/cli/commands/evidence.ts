/** logs and output: what cells said, and what they gave. */
import { type Note, PawlError } from '../../engine/index.ts';
import type { Instance } from '../client.ts';
import { exits } from '../exits.ts';
import { stamp } from '../format.ts';
import { wholeLogs } from '../logText.ts';
import { noteLines } from '../notes.ts';
import type { Screen } from '../screen.ts';
import type { Answer, Session } from '../session.ts';
import { type AddCommands, followOption, withExamples } from './common.ts';

/** @throws PawlError `request.invalid` naming the cells that there are */
const cellOf = ({ view, cells }: Instance, name: string): Instance['cells'][number] => {
  const cell = cells.find((one) => one.name === name);
  if (cell !== undefined) return cell;
  const names = cells.map((one) => one.name);
  const message = `${view.instanceId} has no cell ${JSON.stringify(name.slice(0, 64))}; it has ${names.join(', ')}.`;
  throw new PawlError('request.invalid', message, { instanceId: view.instanceId, cells: names });
};

/** @returns the same for `--json` */
const printLog = (screen: Screen, { cell, about: seq, atMs, text, ...note }: Note): object => {
  screen.print(screen.paint('strong', `${cell}, seq ${seq}, ${stamp(atMs)}`));
  for (const line of noteLines({ ...note, cell, about: seq, atMs, text })) screen.print(`  ${line}`);
  return { cell, seq, atMs, text };
};

const logs = async (
  session: Session,
  instanceId: string,
  cell: string | undefined,
  { follow }: { follow?: true },
): Promise<Answer> => {
  const { screen, client } = session;
  if (follow) {
    if (cell !== undefined) cellOf(await client.glance(instanceId), cell);
    const { followLogs } = await import('../followed.ts');
    return await followLogs(session, instanceId, cell, (note) => printLog(screen, note));
  }
  const notes = wholeLogs(await client.notes(instanceId)).filter((note) => cell === undefined || note.cell === cell);
  if (notes.length === 0 && cell !== undefined) cellOf(await client.instance(instanceId), cell);
  if (notes.length === 0) screen.print('No logs: a cell that says nothing leaves none.');
  return { exit: exits.done, document: { instanceId, logs: notes.map((note) => printLog(screen, note)) } };
};

const output = async ({ screen, client }: Session, instanceId: string, name: string): Promise<Answer> => {
  const cell = cellOf(await client.instance(instanceId), name);
  const { output: text, outputSeq: seq, outputBytes: bytes, state, error } = cell;
  if (text === null || seq === null) {
    const message = `Cell ${name} of ${instanceId} has no output: it is ${state}. See \`pawl status ${instanceId}\`.`;
    throw new PawlError('output.unknown', message, { instanceId, cell: name, state });
  }
  const truncated = error?.code === 'output.truncated';
  screen.exact(`${text}\n`);
  if (truncated) screen.print(`Only the beginning of ${bytes} bytes was kept, as one JSON string.`);
  const exit = truncated ? exits.failed : exits.done;
  return { exit, document: { instanceId, cell: name, seq, bytes, truncated, output: text } };
};

export const addEvidence: AddCommands = (program, run) => {
  const logging = program.command('logs').argument('<instance>', 'id of an instance');
  logging.argument('[cell]', 'only of this cell');
  logging.description('Shows the logs of cells, each attempt by itself, oldest first.');
  logging.addOption(followOption());
  withExamples(logging, 'pawl logs post_merge.pr-7', 'pawl logs post_merge.pr-7 cleanup --follow').action(run(logs));

  const giving = program.command('output').argument('<instance>', 'id of an instance');
  giving.argument('<cell>', 'the cell whose output it is');
  giving.description(
    'Prints the output of a cell: JSON, as the cell wrote it, however large. With --json it is a text in the document.\nExits with 1 where only its beginning was kept.',
  );
  withExamples(giving, 'pawl output post_merge.pr-7 cleanup | jq .removed').action(run(output));
};
