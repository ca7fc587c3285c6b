/** What a fence is, by its braces; and of which cell a probe, expectations or a schema are. */
import { readName } from './commonAttributes.ts';
import type { Fence } from './document.ts';
import { isProbeKind, probeKinds } from './kinds.ts';
import {
  type AttachedPiece,
  type BranchPiece,
  type CellPiece,
  type Outline,
  type Piece,
  type Role,
  roles,
} from './pieces.ts';
import { list, type Report, suggest } from './text.ts';

export const roleOf = ({ fence, info }: Piece, report: Report): Role | undefined => {
  const [role, second] = roles.filter((candidate) => info.attributes.has(candidate));
  if (role === undefined) {
    const close = [...info.attributes.keys()].map((key) => suggest(key, roles)).find((hint) => hint !== '');
    report(
      fence.position,
      `braces mean that Pawl reads this fence: it needs \`name=\`, \`undo=\`, \`probe=\`, \`expect=\` or \`schema=\`${close ?? ''}`,
    );
  } else if (second !== undefined) {
    const at = info.attributes.get(second)?.at ?? fence.position;
    report(
      at,
      `\`${role}\` and \`${second}\` exclude each other; a fence is a cell, takes one back, or is a probe, expectations or a schema`,
    );
  }
  return role;
};

/** A fence inside another one is text. That is meant when the outer one has more backticks, and else a forgotten end. */
export const reportSwallowed = ({ body, position, marks }: Fence, report: Report): void => {
  const opening = new RegExp(`^ {0,3}\\${marks[0] ?? '`'}{${marks.length},}[^\`\\n]*\\{`, 'm').exec(body.text);
  if (opening === null) return;
  const message = `this fence begins inside of the one opened in line ${position.line}; end that one first, or open it with more of its marks`;
  report(body.at(opening.index), message);
};

export const attachedTo = (
  role: Exclude<Role, 'name' | 'undo'>,
  { fence, info }: Piece,
  byName: ReadonlyMap<string, CellPiece | BranchPiece>,
  names: Outline['names'],
  report: Report,
): AttachedPiece['of'] => {
  const { language, attributes } = info;
  if (role === 'probe' && !isProbeKind(language))
    report(info.at, `a probe is ${list(probeKinds).replace(' and ', ' or ')}, not \`${language}\``);
  if (role === 'expect' && language !== 'cel')
    report(info.at, `expectations stand in a fence of the language \`cel\`, not \`${language}\``);
  if (role === 'schema' && language !== 'json')
    report(info.at, `a schema stands in a fence of the language \`json\`, not \`${language}\``);
  const name = readName(role, attributes, report);
  if (name === undefined) return undefined;
  const at = attributes.get(role)?.value?.at(0) ?? fence.position;
  const cell = byName.get(name);
  const known = names.get(name);
  if (known === undefined)
    report(
      at,
      `there is no cell \`${name}\`${suggest(name, names.keys()) || '; name one that stands before this fence'}`,
    );
  else if (known.kind === 'branch' || (known.kind === 'each' && role !== 'expect'))
    report(at, `\`${name}\` is a section (line ${known.line}); name one of its cells`);
  else if (known.line > fence.position.line)
    report(at, `cell \`${name}\` stands later (line ${known.line}); move this fence after it`);
  else return cell;
  return undefined;
};
