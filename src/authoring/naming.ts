/** What cells and sections are called: each name once, whatever its case. */
import type { Fence } from './document.ts';
import { nameOf, type Section } from './sections.ts';
import { type NamedCell, undoName } from './surroundings.ts';
import { foldCase, type Position, type Report } from './text.ts';

/** A name in braces, whether or not the rest of them can be read. */
export const nameIn = ({ info }: Fence): string | undefined => {
  const [, role, name = ''] = /\b(name|undo)="?\uFEFF?(\w+)/.exec(info.text) ?? [];
  return role === undefined ? undefined : role === 'undo' ? undoName(name) : name;
};

/** Names of all branches: their own, or one made of the heading that nothing else has. */
export const namesOf = (sections: readonly Section[], fences: readonly Fence[]): Map<Section, string> => {
  const own = sections.flatMap(({ name, part }) => (name === null || part !== null ? [] : [name.text]));
  const taken = new Set([...own, ...fences.flatMap((fence) => nameIn(fence) ?? [])].map(foldCase));
  const names = new Map<Section, string>();
  for (const section of sections) {
    if (section.part !== null) continue;
    if (section.on !== null) {
      // No name that anything could have: it stands for no cell.
      names.set(section, `on=${section.on} ${section.position.line}`);
      continue;
    }
    const name = section.name?.text ?? nameOf(section, (made) => taken.has(foldCase(made)));
    taken.add(foldCase(name));
    names.set(section, name);
  }
  return names;
};

/** Names of cells and branches as they are taken, one after the other. */
export const createNames = (report: Report) => {
  const names = new Map<string, NamedCell>();
  const folded = new Map<string, string>();
  /**
   * @param undoes the cell that it takes back, whose name is in its own
   * @returns whether it is the first of that name
   */
  const take = (name: string, at: Position, named: NamedCell, undoes?: string): boolean => {
    const earlier = names.get(name);
    const alike = folded.get(foldCase(name));
    if (earlier !== undefined) {
      const what = earlier.kind === 'branch' || earlier.kind === 'each' ? 'section' : 'cell';
      if (undoes === undefined && earlier.atEnd !== 'undo')
        report(at, `the name \`${name}\` is taken by the ${what} in line ${earlier.line}; choose another one`);
      else if (undoes === undefined)
        report(
          at,
          `the name \`${name}\` is taken by what takes a cell back in line ${earlier.line}; choose another one`,
        );
      else
        report(
          at,
          `what takes back \`${undoes}\` is called \`${name}\`, as the ${what} in line ${earlier.line} is; rename one of them`,
        );
      return false;
    }
    if (alike !== undefined) {
      const where = names.get(alike)?.line;
      report(at, `the names \`${name}\` and \`${alike}\` (line ${where}) differ only in case; rename one`);
    }
    folded.set(foldCase(name), name);
    names.set(name, named);
    return true;
  };
  return { names, take };
};
