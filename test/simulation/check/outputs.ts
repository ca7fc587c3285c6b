/** What a body told and logged is what stands: in its outcome, or beside the chain in pieces. */
import { gunzipSync } from 'node:zlib';
import type { Entry, Output } from '../../../src/engine/index.ts';
import { must, type World } from '../world.ts';
import type { Oracle } from './reading.ts';

/** What stands beside the chain, put together. */
const unpacked = (world: World, partition: string): string | null => {
  const pieces = world.tables.partition('journal', partition).sort((a, b) => (a.seq as number) - (b.seq as number));
  try {
    return gunzipSync(Buffer.concat(pieces.map(({ data }) => data as Uint8Array))).toString();
  } catch {
    return null;
  }
};

/** The text that an output stands for. */
export const toldText = (world: World, output: Output | null | undefined): string | null => {
  if (output == null) return null;
  if (output.kind === 'inline') return output.text;
  if (output.kind === 'truncated') return JSON.stringify(output.head);
  return unpacked(world, output.partition);
};

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** The outcome that its own holder recorded of a body says what the body said. */
export const checkKept = ({ world, entries }: Oracle): void => {
  const closings = new Map<number, Entry>();
  for (const entry of entries) if (entry.kind === 'outcome' && entry.closes !== null) closings.set(entry.closes, entry);
  for (const begin of world.begins) {
    const entry = closings.get(begin.seq);
    const reserved = entries[begin.seq];
    if (entry?.kind !== 'outcome' || entry.token !== reserved?.token || begin.status === null) continue;
    const at = `seq ${entry.seq} of ${begin.cell}`;
    const bytes = Buffer.byteLength(begin.logged);
    must(entry.logBytes === bytes, 'output', `${at} says ${entry.logBytes} bytes of log, and it told ${bytes}`);
    const { output } = entry;
    if (output?.kind === 'truncated') {
      must(begin.call.struck.length > 0, 'output', `${at} keeps a beginning only, and nothing had struck its call`);
      continue;
    }
    const { code } = entry.error ?? {};
    // What it told goes with what it committed.
    const isUncommitted = code === 'commit.refused' || code === 'commit.untaken';
    const told = code === 'output.invalid' || isUncommitted ? null : begin.output;
    const fits = told !== null || isUncommitted || begin.output === null || !isJson(begin.output);
    must(fits, 'output', `${at} calls good JSON unreadable`);
    must(toldText(world, output) === told, 'output', `${at} does not say what its body told`);
  }
  checkLogs(entries[0]?.instanceId ?? '', world);
};

/** A call that nothing struck left all of its log as notes. */
const checkLogs = (id: string, world: World): void => {
  const { begins } = world;
  if (begins.every(({ logged }) => logged === '')) return;
  const notes = world.tables.partition('journal', `${id}/notes`).filter(({ kind }) => kind === 'log');
  const texts = new Map<number, string>();
  for (const row of notes.sort((a, b) => (a.seq as number) - (b.seq as number))) {
    const { about, text } = JSON.parse(row.note as string) as { about: number; text: string };
    texts.set(about, (texts.get(about) ?? '') + text);
  }
  for (const begin of begins) {
    const whole = begin.call.struck.length > 0 || begin.call.forgotten || texts.get(begin.seq) === begin.logged;
    must(whole, 'output', `the log of seq ${begin.seq} is not what ${begin.cell} told`);
  }
};
