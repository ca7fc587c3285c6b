/** The parts of a `parallel` section. */
import type { BranchPiece } from './pieces.ts';
import { foldCase, type Report } from './text.ts';

/** Which cells stand in which part. Each of them has a name that no other one has. */
export const readParts = (
  { section: { position: at }, parts }: BranchPiece,
  lines: readonly number[],
  report: Report,
): void => {
  if (parts.length < 2)
    report(
      at,
      `a \`parallel\` section has two parts or more directly under it, like \`### Europe { name=eu }\`; this one has ${parts.length === 0 ? 'none' : 'one'}`,
    );
  for (const part of parts) {
    const { position, endLine } = part.section;
    const inside = lines.flatMap((line, index) => (line > position.line && line < endLine ? [index] : []));
    part.from = inside[0] ?? 0;
    part.to = part.from + inside.length;
    const same = parts.find((other) => other !== part && foldCase(other.name) === foldCase(part.name));
    if (same !== undefined && same.section.position.line < position.line && part.name !== '')
      report(
        part.section.name?.at(0) ?? position,
        `the part in line ${same.section.position.line} is called \`${same.name}\`; give this one another name`,
      );
  }
};
