/** `run`: how a run came to its end, for the cells that are gone through there. */
import type { Surroundings } from './surroundings.ts';
import { list, type Position, quote, type Report, suggest } from './text.ts';

/** Each field with those that it has itself. */
const runFields: Readonly<Record<string, readonly string[]>> = {
  failed: ['cell', 'item', 'code', 'message'],
  began: ['by', 'reason'],
  url: [],
};

export const runIsOfTheEnd = '`run` is known only to cells that run at the end (`undo=`, and sections with `on`)';

/** As variables of a script. */
export const runVariables: readonly string[] = Object.entries(runFields).flatMap(([field, inner]) =>
  (inner.length === 0 ? [field] : inner.map((name) => `${field}_${name}`)).map(
    (name) => `PAWL_RUN_${name.toUpperCase()}`,
  ),
);

/** What stands for the failure among the outputs that are there. */
export const runFailed = 'run.failed';

/** Reports a field of `run`, or of one of its fields, that there is not. */
export const referToRun = (
  path: readonly string[],
  at: Position,
  { atEnd }: Pick<Surroundings, 'atEnd'>,
  report: Report,
): void => {
  const [field = '', inner] = path;
  // What tells people that one is needed does so before the end has begun.
  const fields = Object.keys(runFields).filter((name) => atEnd !== undefined || name !== 'began');
  const known = inner === undefined ? fields : (runFields[field] ?? []);
  const name = inner ?? field;
  const owner = inner === undefined ? 'run' : `run.${field}`;
  if (known.includes(name) || (inner !== undefined && !Object.hasOwn(runFields, field))) return;
  const has = known.length === 0 ? '; it is a text' : `; it has ${list(known)}`;
  report(at, `\`${owner}\` has no field ${quote(name)}${suggest(name, known) || has}`);
};

/** Reports what is read of the failure where there may be none. */
export const needFailed = (at: Position, { present }: Surroundings, report: Report): void => {
  if (!present.has(runFailed))
    report(
      at,
      "`run.failed` may be null: a run also comes to its end without a failure; look first, as in `run.failed == null ? '' : run.failed.message`",
    );
};
