/** One cell of the outline → the cell that the engine runs. */
import type { Cell, Probe } from '../engine/index.ts';
import { commitEffects, isReadingAction, isSafe, isSafeMethod, safeText } from '../engine/index.ts';
import { textOfAttribute } from './attributes.ts';
import { bodyReading, readBody } from './bodies.ts';
import { readCommon } from './commonAttributes.ts';
import { readExpectations, readExpression, readSchemas, refuseTooMany } from './expectations.ts';
import { methodOf } from './http.ts';
import { isEffectKind, isKind, isProbeKind, refuseKind } from './kinds.ts';
import { needsOf, placeOf, refuseNeeds } from './needs.ts';
import type { CellPiece } from './pieces.ts';
import { readProbes, readUses } from './probes.ts';
import { fieldsOf, knownTo, passBy, type Reading, surroundingsOf } from './reading.ts';
import { readRun } from './runs.ts';
import { noReads, readsInOrder, statesInOrder } from './surroundings.ts';
import { cleanupOf, refuseEffectless } from './undo.ts';
import { readPoll } from './waiting.ts';

/** What declares that the cell may be asked again, where that is its method, action or task, before the rest of it is read. */
const againOf = (piece: CellPiece, { tasks }: Reading): string | null => {
  const { info } = piece;
  if (info.language !== 'task') return safeOf(piece);
  const spec = tasks.known.get(info.attributes.get('task')?.value?.text ?? '');
  return spec?.effects === 'commit' ? commitEffects : null;
};

/** The method or action by which a request asks for no effect, before the rest of it is read. */
const safeOf = ({ fence, info }: CellPiece): string | null => {
  const kind = info.language;
  const word = kind === 'http' ? methodOf(fence.body) : (info.attributes.get('action')?.value?.text ?? '');
  const isReading = kind === 'http' ? isSafeMethod(word) : kind === 'aws' && isReadingAction(word);
  return isReading ? word : null;
};

/** Reads one cell. `undefined`: its kind is unknown or not available yet (reported). */
export const readCell = (piece: CellPiece, reading: Reading): Cell | undefined => {
  const { fence, info, index, name } = piece;
  const { front, report } = reading;
  const { language: kind, attributes } = info;
  const undoes = piece.atEnd !== undefined && 'of' in piece.atEnd ? piece.atEnd : undefined;
  if (!isKind(kind)) {
    refuseKind(kind, info.at, report);
    return undefined;
  }
  const reads = noReads();
  const around = surroundingsOf(piece, reading, fieldsOf(kind));
  const at = fence.position;
  const safe = againOf(piece, reading);
  const { expects, schemas } = reading.outline;
  const hasExpectations = [...expects, ...schemas].some(({ of }) => of === piece);
  const common = readCommon(
    { kind, undoes: undoes !== undefined, safe, hasExpectations, at },
    attributes,
    front.defaults,
    report,
  );
  if (common.byMethod !== undefined && common.byMethod !== commitEffects)
    reading.note(
      at,
      `\`interrupted=retry\` (${safeText(common.byMethod)}): it is asked again when in doubt; write \`interrupted=hold\` if a person is to look`,
    );
  const when = textOfAttribute('when', attributes, report);
  if (kind === 'end' && !attributes.has('when'))
    report(fence.position, 'an `end` cell needs `when=`: the run ends here when it is true');
  if (kind === 'end' && piece.atEnd !== undefined)
    report(at, 'an `end` cell ends the way, which is over here; pass over cells by a section with `when`');
  if (undoes !== undefined)
    refuseEffectless(undoes.of, safeOf(undoes.of), info.attributes.get('undo')?.value?.at(0) ?? at, report);
  const asked = readProbes(piece, common.interrupted, reading);
  const { uses: usedByProbe = [], ...probe } = asked ?? {};
  const cell = {
    index,
    name,
    line: fence.position.line,
    ...common,
    when:
      when === undefined ? null : readExpression(when, { ...around, present: knownTo(piece, reading) }, reads, report),
    expect: [...readExpectations(piece, kind, reads, reading), ...readSchemas(piece, kind, reading)],
    probe: asked === null ? null : (probe as Probe),
    body:
      kind === 'run'
        ? readRun(piece, around, reads, reading)
        : readBody(kind, fence.body, { ...bodyReading(piece, around, reads, report), tasks: reading.tasks }),
  };
  refuseTooMany(at, cell, report);
  passBy(cell, piece, reading.passed);
  const poll = isProbeKind(kind)
    ? readPoll(kind, cell.expect.length > 0, bodyReading(piece, around, reads, report), reading.note)
    : undefined;
  if (poll !== undefined && cell.body.kind === 'http' && !['GET', 'HEAD'].includes(cell.body.method))
    report(fence.body.at(0), `a cell with \`poll\` has no effects: GET or HEAD, not ${cell.body.method}`);
  if (poll !== undefined && cell.body.kind === 'aws' && !isSafe(cell))
    report(fence.position, `a cell with \`poll\` has no effects: an action that only reads, not ${cell.body.action}`);
  refuseNeeds(kind, attributes, report);
  const uses = [...new Set([...readUses(piece, kind, reads, reading), ...usedByProbe])].sort();
  return {
    ...cell,
    ...(poll === undefined ? {} : { poll }),
    ...needsOf(kind, attributes, front.needs, report),
    ...(isEffectKind(kind) ? placeOf(attributes, reading.at, around, report) : {}),
    reads: readsInOrder(reads, around),
    ...statesInOrder(reads, around),
    ...cleanupOf(piece),
    ...(uses.length === 0 ? {} : { uses }),
  };
};
