/** logs, output and attachment: what cells said, what they gave, and the files that they left or that people gave with them. */
import { writeFile } from 'node:fs/promises';
import { closed, type Note, PawlError } from '../../engine/index.ts';
import type { Instance } from '../client.ts';
import { exits } from '../exits.ts';
import { unkeptTold } from '../files.ts';
import { plural, stamp } from '../format.ts';
import { wholeLogs } from '../logText.ts';
import { noteLines } from '../notes.ts';
import { harmless, type Screen } from '../screen.ts';
import type { Answer, Session } from '../session.ts';
import { type AddCommands, followOption, wholeNumber, withExamples } from './common.ts';

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

const attachment = async (
  { screen, client }: Session,
  instanceId: string,
  name: string,
  { to, file: asked }: { to?: string; file?: number },
): Promise<Answer> => {
  const { attached, unkept } = cellOf(await client.glance(instanceId), name);
  const files = attached?.files ?? [];
  files.forEach(({ name, bytes, sha256 }, at) => {
    screen.print(`${at + 1}  ${harmless(name)}  ${plural(bytes, 'byte')}  sha256 ${sha256}`);
  });
  const lost = unkept === undefined ? {} : { unkept };
  for (const line of unkept === undefined ? [] : unkeptTold(unkept)) screen.print(harmless(line));
  if (files.length === 0 && asked === undefined && to === undefined) {
    screen.print(`Cell ${name} of ${instanceId} has no files.`);
    return { exit: exits.done, document: { instanceId, cell: name, seq: null, files, ...lost, to: null } };
  }
  const file = asked ?? 1;
  const found = files[file - 1];
  if (attached === undefined || found === undefined) {
    const has = files.length === 0 ? 'no files' : `${plural(files.length, 'file')}; there is no file ${file}`;
    const message = `Cell ${name} of ${instanceId} has ${has}.`;
    throw new PawlError('attachment.unknown', message, { instanceId, cell: name, files: files.length, ...lost });
  }
  const document = { instanceId, cell: name, seq: attached.seq, files, ...lost };
  if (to === undefined) return { exit: exits.done, document: { ...document, to: null } };
  const content = await client.wholeAttachment(instanceId, attached.seq, file);
  await writeFile(to, content, { flag: 'wx' }).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const why = code === 'EEXIST' ? 'it exists already' : String(error);
    throw new PawlError('request.invalid', `Cannot write ${to}: ${closed(why)} Give another path.`, { to }, error);
  });
  screen.print(`Written to ${to}.`);
  return { exit: exits.done, document: { ...document, to } };
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

  const reading = program.command('attachment').argument('<instance>', 'id of an instance');
  reading.argument('<cell>', 'the cell that it belongs to');
  reading.description(
    'Lists the files that a person attached to a cell, or that it left as evidence (PAWL_EVIDENCE), with their hashes; with --to it writes one of them. Says which ones are not kept.',
  );
  reading
    .option('--to <file>', 'where to write it; refused where something is there already')
    .option('--file <n>', 'which of them (default: 1)', wholeNumber(1));
  withExamples(reading, 'pawl attachment rotate-42 measure', 'pawl attachment rotate-42 measure --to panel.png').action(
    run(attachment),
  );
};
