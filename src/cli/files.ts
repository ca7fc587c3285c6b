/** Files beside the journal, in words: those that people gave, those that cells left, and those of these that are not kept. */
import { type Unkept, unkeptReasons } from '../engine/index.ts';
import type { Instance } from './client.ts';
import { plural } from './format.ts';
import { harmless, type Screen } from './screen.ts';
import { shellWord } from './shellWord.ts';

type File = { name: string; bytes: number; sha256: string };

export const fileTold = ({ name, bytes, sha256 }: File): string =>
  `${name}, ${plural(bytes, 'byte')}, sha256 ${sha256.slice(0, 12)}`;

export const unkeptTold = ({ files, more }: Unkept): string[] => [
  ...files.map(({ name, bytes, why }) => `not kept: ${name}, ${plural(bytes, 'byte')}: ${unkeptReasons[why]}`),
  ...(more === 0 ? [] : [`not kept: ${plural(more, 'file')} more`]),
];

/** Of every cell that has some. */
export const printFiles = ({ print, paint }: Screen, { view, cells }: Instance): void => {
  const told = cells.flatMap(({ name, attached, unkept }) => {
    const lines = [...(attached?.files ?? []).map(fileTold), ...(unkept === undefined ? [] : unkeptTold(unkept))];
    const how = attached === undefined ? '' : ` (\`pawl attachment ${shellWord(view.instanceId)} ${name}\`)`;
    return lines.length === 0 ? [] : [{ title: `Files of ${name}${how}:`, lines }];
  });
  for (const { title, lines } of told) {
    print(title);
    for (const line of lines)
      print(`  ${line.startsWith('not kept') ? paint('warn', harmless(line)) : harmless(line)}`);
  }
  if (told.length > 0) print();
};
