/** One cell of the outline → the cell that the engine runs. */
import type { Cell, CellBody, CellKind, Expression, Probe } from '../engine/index.ts';
import { limits } from '../engine/index.ts';
import type { VariableTypes } from './cel.ts';
import { readModule, readScript } from './code.ts';
import { checkExpression, presentIf } from './expressions.ts';
import type { FrontMatter } from './frontMatter.ts';
import { methodOf, readHttp } from './http.ts';
import {
  isKind,
  isProbeKind,
  readCommon,
  readDuration,
  readEscape,
  readMeanings,
  refuseKind,
  textOfAttribute,
  timeoutMsMax,
} from './kinds.ts';
import { type AttachedPiece, type CellPiece, type Outline, type Piece, refuseOthers } from './outline.ts';
import {
  attemptFields,
  bareFields,
  expectationRoots,
  noReads,
  type Reads,
  readsInOrder,
  type Surroundings,
  visitFields,
} from './surroundings.ts';
import { asText, readTemplate } from './templates.ts';
import { linesOf, type Report, type Text, trim } from './text.ts';
import { readApprove, readAwait, readPoll, readWait, type Reading as WaitReading } from './waiting.ts';

type BodyReading = WaitReading & { lines: number };

const bodyReading = ({ fence, info }: Piece, around: Surroundings, reads: Reads, report: Report): BodyReading => ({
  attributes: info.attributes,
  around,
  reads,
  report,
  at: fence.position,
  lines: fence.lastLine,
});

/** `passed`: cells whose outputs are there, or the run would not have come so far: an `assert` or `end` looked. */
type Reading = {
  front: FrontMatter;
  outline: Outline;
  types: VariableTypes;
  passed: Set<string>;
  report: Report;
  note: Report;
};

const surroundingsOf = (
  { index, info }: CellPiece,
  { front, outline, types, passed }: Reading,
  stepFields: readonly string[],
): Surroundings => {
  const when = info.attributes.get('when')?.value?.text ?? '';
  const sameWhen = [...outline.names].filter(([, { skips }]) => when !== '' && skips === when.trim());
  return {
    roots: ['params', 'outputs', 'step'],
    stepFields,
    params: front.paramNames,
    types,
    cells: outline.names,
    // The rest of a cell is only looked at when its `when` is true.
    present: new Set([...passed, ...presentIf(when).whenTrue, ...sameWhen.map(([name]) => name)]),
    index,
  };
};

/** An `end` that was passed was false, and an `assert` true: what they looked for is there from then on. */
const passBy = ({ body, when, optional }: Pick<Cell, 'body' | 'when' | 'optional'>, passed: Set<string>): void => {
  const found =
    body.kind === 'end' && when !== null
      ? [presentIf(when.source).whenFalse]
      : body.kind === 'assert' && when === null && !optional
        ? body.expressions.map(({ source }) => presentIf(source).whenTrue)
        : [];
  for (const names of found) for (const name of names) passed.add(name);
};

/** Kinds that have no reservation, and so no attempt. */
const bareKinds: readonly CellKind[] = ['assert', 'manual', 'await', 'approve', 'wait'];

/** The step of a cell as its own expressions see it: cells without a reservation have no key. */
const fieldsOf = (kind: CellKind): readonly string[] =>
  kind !== 'manual' && bareKinds.includes(kind) ? bareFields : visitFields;

const readExpression = (text: Text, around: Surroundings, reads: Reads, report: Report): Expression => {
  checkExpression(text, true, around, reads, report);
  return { source: text.text, line: text.at(0).line };
};

/** One expression a line; `#` begins a comment line. */
const readExpressions = (body: Text, around: Surroundings, reads: Reads, report: Report): Expression[] => {
  const lines = linesOf(body)
    .map(trim)
    .filter(({ text }) => text !== '' && !text.startsWith('#'));
  if (lines.length === 0)
    report(body.at(0), 'there is no expression here; write one on each line, like `output.status == 200`');
  return lines.map((line) => readExpression(line, around, reads, report));
};

/** `attributes` and `lines` are those of the cell's own fence. */
const readBody = (kind: CellKind, body: Text, { lines, ...reading }: BodyReading): CellBody => {
  const { around, reads, report } = reading;
  switch (kind) {
    case 'ts':
    case 'js':
      return { kind, code: readModule(kind, body, around, reads, report) };
    case 'sh':
      return { kind, code: readScript(body, reads, report) };
    case 'http':
      return {
        kind,
        ...readHttp(body, readEscape(reading.attributes, report), reading),
        ...readMeanings(reading.attributes, report),
      };
    case 'assert': {
      // Over an output that is absent it fails, which is what it is for.
      const lenient = { ...around, present: new Set(around.cells.keys()) };
      return { kind, expressions: readExpressions(body, lenient, reads, report) };
    }
    case 'manual':
      if (body.text.trim() === '')
        report(body.at(0), 'this manual cell has no instructions; say what the person is to do');
      return { kind, instructions: readTemplate(body, asText, around, reads, report) };
    case 'await':
      return readAwait(body, reading);
    case 'approve':
      return readApprove(body, lines, reading);
    case 'wait':
      return readWait(body, reading);
    case 'end':
      if (body.text.trim() !== '')
        report(
          trim(body).at(0),
          'an `end` cell has no body; its condition is `when=`, its reason belongs into the text around it',
        );
      return { kind };
  }
};

/** Reads a probe. `undefined`: its kind cannot be one (reported). */
const readProbe = (piece: AttachedPiece & { of: CellPiece }, reading: Reading): Probe | undefined => {
  const { fence, info } = piece;
  const { report } = reading;
  if (!isProbeKind(info.language)) return undefined;
  const isHttp = info.language === 'http';
  refuseOthers(
    piece,
    isHttp ? ['timeout', 'done', 'notDone', 'escape'] : ['timeout'],
    isHttp ? 'for http probes' : `for \`${info.language}\` probes`,
    report,
  );
  const around = surroundingsOf(piece.of, reading, attemptFields);
  const reads = noReads();
  const answer = (name: 'done' | 'notDone'): string | null => {
    if (!isHttp) return null;
    const text = textOfAttribute(name, info.attributes, report);
    if (text === undefined && !info.attributes.has(name)) {
      report(
        fence.position,
        `an http probe needs \`${name}=\`: an expression like \`${name}="output.status == ${name === 'done' ? 200 : 404}"\``,
      );
    }
    if (text !== undefined)
      checkExpression(text, true, { ...around, roots: ['params', 'outputs', 'step', 'output'] }, reads, report);
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
  };
};

const readProbes = (cell: CellPiece, interrupted: Cell['interrupted'], reading: Reading): Probe | null => {
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

/** A poll has no attempt; what has no reservation has no key either. */
const fieldsAfter = ({ info }: CellPiece, kind: CellKind): readonly string[] => {
  if (bareKinds.includes(kind)) return bareFields;
  return info.attributes.has('poll') ? bareFields : attemptFields;
};

/** Expectations of a cell, from every fence that names it. */
const readExpectations = (cell: CellPiece, kind: CellKind, reads: Reads, reading: Reading): Expression[] => {
  const { outline, report } = reading;
  const around = surroundingsOf(cell, reading, fieldsAfter(cell, kind));
  return outline.expects
    .filter(({ of }) => of === cell)
    .flatMap((piece) => {
      refuseOthers(piece, [], 'for expectations', report);
      if (kind === 'assert' || kind === 'end') {
        const message =
          kind === 'assert'
            ? `\`${cell.name}\` is an assert; write the expression into it`
            : `\`${cell.name}\` is an end; it has no outcome to look at`;
        report(piece.info.attributes.get('expect')?.at ?? piece.fence.position, message);
        return [];
      }
      return readExpressions(
        piece.fence.body,
        {
          ...around,
          roots: [...around.roots, ...expectationRoots.filter((root) => root !== 'exitCode' || kind === 'sh')],
        },
        reads,
        report,
      );
    });
};

/** An outcome holds every expectation of its cell, and has to fit into one item. */
const refuseTooMany = ({ fence, name }: CellPiece, { expect, body }: Pick<Cell, 'expect' | 'body'>, report: Report) => {
  const all = body?.kind === 'assert' ? [...body.expressions, ...expect] : expect;
  const bytes = all.reduce((sum, { source }) => sum + Buffer.byteLength(source), 0);
  const { expectationsPerCellMax: max, expectationsBytesMax: bytesMax } = limits;
  if (all.length > max)
    report(
      fence.position,
      `cell \`${name}\` has ${all.length} expectations, at most ${max} are possible (expectationsPerCellMax): join some with &&`,
    );
  if (bytes > bytesMax)
    report(
      fence.position,
      `the expectations of cell \`${name}\` have ${bytes} bytes, at most ${bytesMax} are possible (expectationsBytesMax)`,
    );
};

/** Reads one cell. `undefined`: its kind is unknown or not available yet (reported). */
export const readCell = (piece: CellPiece, reading: Reading): Cell | undefined => {
  const { fence, info, index, name } = piece;
  const { front, report } = reading;
  const { language: kind, attributes } = info;
  if (!isKind(kind)) {
    refuseKind(kind, info.at, report);
    return undefined;
  }
  const reads = noReads();
  const around = surroundingsOf(piece, reading, fieldsOf(kind));
  const at = fence.position;
  const method = kind === 'http' ? methodOf(fence.body) : null;
  const hasExpectations = reading.outline.expects.some(({ of }) => of === piece);
  const common = readCommon({ kind, method, hasExpectations, at }, attributes, front.defaults, report);
  if (common.byMethod !== undefined)
    reading.note(
      at,
      `\`interrupted=retry\` (${common.byMethod}, RFC 9110): it is asked again when in doubt; write \`interrupted=hold\` if a person is to look`,
    );
  const when = textOfAttribute('when', attributes, report);
  if (kind === 'end' && !attributes.has('when'))
    report(fence.position, 'an `end` cell needs `when=`: the run ends here when it is true');
  const cell = {
    index,
    name,
    line: fence.position.line,
    ...common,
    when: when === undefined ? null : readExpression(when, { ...around, present: reading.passed }, reads, report),
    expect: readExpectations(piece, kind, reads, reading),
    probe: readProbes(piece, common.interrupted, reading),
    body: readBody(kind, fence.body, bodyReading(piece, around, reads, report)),
  };
  refuseTooMany(piece, cell, report);
  passBy(cell, reading.passed);
  const poll = isProbeKind(kind)
    ? readPoll(kind, cell.expect.length > 0, bodyReading(piece, around, reads, report), reading.note)
    : undefined;
  if (poll !== undefined && cell.body.kind === 'http' && !['GET', 'HEAD'].includes(cell.body.method))
    report(fence.body.at(0), `a cell with \`poll\` has no effects: GET or HEAD, not ${cell.body.method}`);
  return { ...cell, ...(poll === undefined ? {} : { poll }), reads: readsInOrder(reads, around) };
};
