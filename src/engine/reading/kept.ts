/** What an entry carries beside itself: the whole of an output, files, and notes. */
import type { Engine } from '../call/call.ts';
import { outputOf, textOf } from '../call/texts.ts';
import type { Note } from '../model/entries.ts';
import type { Attached } from '../model/fields.ts';
import { sizeOf } from '../model/text.ts';

/** The whole text of the output that the entry at `seq` carries. `undefined`: there is none. */
export const outputAt = async (
  engine: Engine,
  instanceId: string,
  seq: number,
): Promise<{ text: string; bytes: number; truncated: boolean } | undefined> => {
  const standing = await engine.journal.entry(instanceId, seq);
  const output = standing === undefined ? null : outputOf(standing.entry);
  const text = await textOf(engine, output);
  if (output === null || text === null) return undefined;
  return { text, bytes: sizeOf(output), truncated: output.kind === 'truncated' };
};

/** The files that the entry at `seq` carries, and how to read one of them. */
export const attachedAt = async (engine: Engine, instanceId: string, seq: number): Promise<AttachedFile[]> => {
  const entry = (await engine.journal.entry(instanceId, seq))?.entry;
  const files = entry?.kind === 'outcome' ? (entry.attached ?? []) : [];
  return files.map(({ name, ...file }) => ({
    ...{ name, bytes: file.bytes, sha256: file.sha256 },
    read: () => engine.journal.file(file),
  }));
};
export type AttachedFile = Pick<Attached, 'name' | 'bytes' | 'sha256'> & { read(): Promise<Uint8Array> };

/** Notes of an instance or of one of its steps, oldest first. */
export const notes = (engine: Engine, instanceId: string, about?: number): Promise<Note[]> =>
  engine.journal.notes(instanceId, about);
