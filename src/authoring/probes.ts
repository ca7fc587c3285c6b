/** Probes, and the secrets that a cell or its probe uses. */
import type { Cell, CellKind, Probe } from '../engine/index.ts';
import { limits } from '../engine/index.ts';
import { textOfAttribute } from './attributes.ts';
import { bodyReading, readBody } from './bodies.ts';
import { readDuration } from './commonAttributes.ts';
import { checkExpression } from './expressions.ts';
import { isProbeKind, probeAttributesOf, timeoutMsMax } from './kinds.ts';
import { type AttachedPiece, type CellPiece, type Piece, refuseOthers } from './pieces.ts';
import { type Reading, surroundingsOf } from './reading.ts';
import { referToSecret, refuseHostless } from './secrets.ts';
import { attemptFields, noReads, type Reads, readsInOrder, type Surroundings } from './surroundings.ts';
import type { Text } from './text.ts';

/** The secrets that a fence names, by its attribute or in its text. */
export const readUses = (piece: Piece, kind: CellKind, reads: Reads, { front, report }: Reading): string[] => {
  const { uses } = reads;
  const given = piece.info.attributes.get('uses');
  if (kind === 'aws' && given !== undefined)
    report(
      given.at,
      '`uses` is for `ts`, `js`, `sh`, `http` and `task` cells; an `aws` cell is signed by a role and carries no secret',
    );
  const named = textOfAttribute('uses', piece.info.attributes, report);
  for (const { 0: name, index } of named?.text.matchAll(/\S+/g) ?? [])
    referToSecret(name, (named as Text).at(index), front.secrets, uses, report);
  if (uses.unclear !== null && !piece.info.attributes.has('uses'))
    report(uses.unclear, 'which secrets this code uses cannot be told from its text; name them, as in `uses="NAME"`');
  if (kind === 'http') refuseHostless(uses.names, piece.fence.position, front.secrets, report);
  return [...uses.names];
};

const exampleOf = (kind: string, name: 'done' | 'notDone'): string => {
  if (kind === 'http') return `output.status == ${name === 'done' ? 200 : 404}`;
  return `${name === 'done' ? '!' : ''}has(output.error)`;
};

/** Reads a probe. `undefined`: its kind cannot be one (reported). */
const readProbe = (
  piece: AttachedPiece & { of: CellPiece },
  reading: Reading,
): (Probe & { uses: string[] }) | undefined => {
  const { fence, info } = piece;
  const { report } = reading;
  if (!isProbeKind(info.language)) return undefined;
  const byExpressions = info.language === 'http' || info.language === 'aws';
  refuseOthers(
    piece,
    probeAttributesOf(info.language),
    byExpressions ? `for ${info.language} probes` : `for \`${info.language}\` probes`,
    report,
  );
  const atEnd = piece.of.atEnd === undefined ? [] : (['run'] as const);
  const around: Surroundings = {
    ...surroundingsOf(piece.of, reading, attemptFields),
    roots: ['params', 'outputs', 'step', ...atEnd],
  };
  const reads = noReads();
  const answer = (name: 'done' | 'notDone'): string | null => {
    if (!byExpressions) return null;
    const text = textOfAttribute(name, info.attributes, report);
    if (text === undefined && !info.attributes.has(name)) {
      report(
        fence.position,
        `an ${info.language} probe needs \`${name}=\`: an expression like \`${name}="${exampleOf(info.language, name)}"\``,
      );
    }
    if (text !== undefined)
      checkExpression(
        text,
        true,
        { ...around, roots: ['params', 'outputs', 'step', ...atEnd, 'output'] },
        reads,
        report,
      );
    return text?.text ?? null;
  };
  return {
    line: fence.position.line,
    timeoutMs:
      readDuration('timeout', info.attributes, limits.cellTimeoutMsMin, timeoutMsMax(info.language), report) ??
      limits.cellTimeoutMsDefault,
    done: answer('done'),
    notDone: answer('notDone'),
    body: readBody(info.language, fence.body, bodyReading(piece, around, reads, report)) as Probe['body'],
    reads: readsInOrder(reads, around),
    uses: readUses(piece, info.language, reads, reading),
  };
};

export const readProbes = (
  cell: CellPiece,
  interrupted: Cell['interrupted'],
  reading: Reading,
): (Probe & { uses: string[] }) | null => {
  const { outline, report } = reading;
  const probes = outline.probes.filter((piece): piece is AttachedPiece & { of: CellPiece } => piece.of === cell);
  const read = probes.map((piece) => readProbe(piece, reading));
  const [first, second] = probes;
  if (interrupted === 'probe' && first === undefined) {
    const at = cell.info.attributes.get('interrupted')?.at ?? cell.fence.position;
    report(
      at,
      `\`interrupted=probe\` needs a probe: add a fence like \`http { probe=${cell.name} done="…" notDone="…" }\` after this cell`,
    );
  }
  if (interrupted !== 'probe' && first !== undefined) {
    const at = first.info.attributes.get('probe')?.at ?? first.fence.position;
    report(at, `this probe would never be asked: cell \`${cell.name}\` needs \`interrupted=probe\``);
  }
  if (second !== undefined) {
    report(
      second.fence.position,
      `cell \`${cell.name}\` has a probe already, in line ${first?.fence.position.line}; keep one`,
    );
  }
  return read[0] ?? null;
};
