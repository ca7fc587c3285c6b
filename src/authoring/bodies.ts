/** The body of a cell or a probe, by its kind. */
import type { CellBody, Tasks } from '../engine/index.ts';
import { readApprove } from './approving.ts';
import { type Attributes, textOfAttribute } from './attributes.ts';
import { readAwait } from './awaiting.ts';
import { readAws, readSigv4 } from './aws.ts';
import { readModule, readScript } from './code.ts';
import { readExpressions } from './expectations.ts';
import { methodOf, readHttp } from './http.ts';
import type { FenceKind } from './kinds.ts';
import type { Reading as WaitReading } from './lasting.ts';
import { readManual } from './manual.ts';
import { readCookies, readEscape, readMeanings, readRedirects, readShell } from './ownAttributes.ts';
import type { Piece } from './pieces.ts';
import { runFailed } from './runRoot.ts';
import type { Reads, Surroundings } from './surroundings.ts';
import { noTasks, readTask } from './tasks.ts';
import { quote, type Report, suggest, type Text, trim } from './text.ts';
import { readWait } from './waiting.ts';

type BodyReading = WaitReading & { lines: number; tasks?: Tasks };

export const bodyReading = (
  { fence, info }: Piece,
  around: Surroundings,
  reads: Reads,
  report: Report,
): BodyReading => ({
  attributes: info.attributes,
  around,
  reads,
  report,
  at: fence.position,
  lines: fence.lastLine,
});

/** `attributes` and `lines` are those of the cell's own fence. */
export const readBody = (
  kind: Exclude<FenceKind, 'run'>,
  body: Text,
  { lines, tasks = noTasks, ...reading }: BodyReading,
): CellBody => {
  const { around, reads, report } = reading;
  switch (kind) {
    case 'ts':
    case 'js':
      return { kind, code: readModule(kind, body, around, reads, report) };
    case 'sh':
      return {
        kind,
        code: readScript(body, around, reads, report),
        ...readShell(reading.attributes, body.text, report),
      };
    case 'http':
      return {
        kind,
        ...readHttp(body, readEscape(reading.attributes, report), reading),
        ...readMeanings(reading.attributes, report),
        ...readCookies(reading.attributes, report),
        ...readRedirects(reading.attributes, methodOf(body), report),
        ...readSigv4(reading),
      };
    case 'aws':
      return { kind, ...readAws(body, reading) };
    case 'task':
      return { kind, ...readTask(body, reading, tasks) };
    case 'assert': {
      // Over what is absent it fails, which is what it is for.
      const lenient = { ...around, present: new Set([...around.cells.keys(), runFailed]) };
      return { kind, expressions: readExpressions(body, lenient, reads, report) };
    }
    case 'manual':
      return { kind, ...readManual(body, around, reads, report) };
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
      return { kind, ...readEndAs(reading.attributes, report) };
  }
};

/** As what the run ends: completed, if nothing is said. */
const readEndAs = (attributes: Attributes, report: Report): { as?: 'failed' } => {
  const text = textOfAttribute('as', attributes, report);
  if (text === undefined || text.text === '') return {};
  if (text.text !== 'failed')
    report(
      text.at(0),
      `\`as\` is failed, not ${quote(text.text)}${suggest(text.text, ['failed'])}; without it, the run has completed`,
    );
  return { as: 'failed' };
};
