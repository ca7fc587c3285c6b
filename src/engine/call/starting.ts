/** What a run is started with: parameters that fit its version, and the texts that follow from these. Started by a caller or by a parent. */
import type { Entry } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import { allCells } from '../model/levels.ts';
import { limits } from '../model/limits.ts';
import { anyPlace, isPlace, placeForm } from '../model/place.ts';
import type { Runbook, Version } from '../model/runbook.ts';
import { cut } from '../model/text.ts';
import type { Engine } from './kin.ts';

const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export const assertId = (id: string): string => {
  if (!idPattern.test(id)) {
    const message = `${JSON.stringify(id.slice(0, 140))} is no instance id: 1 to 128 letters, digits, dots, dashes, underscores, the first a letter or digit.`;
    throw new PawlError('request.invalid', message, { instanceId: id.slice(0, 140) });
  }
  return id;
};

/** What `unique` or `concurrency` says; `null`: the runbook has none. @throws PawlError `params.invalid` */
export const renderText = (
  engine: Pick<Engine, 'authoring'>,
  runbook: Runbook,
  what: 'unique' | 'concurrency',
  params: Record<string, unknown>,
): string | null => {
  const template = runbook[what];
  if (template === null) return null;
  const rendered = engine.authoring.render(template, { params, outputs: {}, step: {} });
  if (rendered.kind === 'error')
    throw new PawlError('params.invalid', `\`${what}\` cannot be filled in: ${rendered.message}`);
  return rendered.text;
};

const startsMax = 100;

/**
 * The ids to try. One whose start was given up (for its lock) can never begin; where `unique` says the id, no caller could
 * choose another. First entries never change, so all who start it pass over the same ones, and of them one begins.
 */
export const idsFrom = (instanceId: string): string[] => {
  const further = Array.from({ length: startsMax - 1 }, (_, index) => `${instanceId}.start-${index + 2}`);
  return [instanceId, ...further.filter((id) => idPattern.test(id))];
};

/** What `unique` makes an id of; `null`: the runbook has none. @throws PawlError `params.invalid`, `request.invalid` */
export const uniqueIdOf = (
  engine: Pick<Engine, 'authoring'>,
  runbook: Runbook,
  params: Record<string, unknown>,
): string | null => {
  const unique = renderText(engine, runbook, 'unique', params);
  return unique === null ? null : assertId(`${runbook.runbookId}.${unique}`);
};

/**
 * Who has an id, by its first entry: the instance itself, or a child that runs in its place.
 * @returns `undefined`: its start was given up, or the child's was, so it can never begin
 */
export const holderOfId = async (engine: Engine, first: Entry): Promise<string | undefined> => {
  if (first.kind === 'started') return first.instanceId;
  if (first.kind !== 'cancelled' || first.runsAs === undefined) return undefined;
  const child = (await engine.journal.entry(first.runsAs, 0))?.entry;
  return child === undefined || child.kind === 'started' ? first.runsAs : undefined;
};

/** What `at=` says of each cell has to be a place with these parameters. @throws PawlError `params.invalid` */
const assertPlaces = (engine: Pick<Engine, 'authoring'>, { cells }: Runbook, params: Record<string, unknown>): void => {
  for (const { name, at } of allCells(cells)) {
    if (at === undefined) continue;
    const rendered = engine.authoring.render(at, { params, outputs: {}, step: {} });
    const text = rendered.kind === 'text' ? rendered.text : '';
    if (rendered.kind === 'error')
      throw new PawlError('params.invalid', `\`at\` of cell ${name} cannot be filled in: ${rendered.message}`);
    if (text === anyPlace || isPlace(text)) continue;
    const shown = JSON.stringify(cut(text, limits.errorMessageCharsMax));
    const message = `\`at\` of cell ${name} is ${shown} with these parameters: ${placeForm}, and \`any\` leaves it open.`;
    throw new PawlError('params.invalid', message, { cell: name });
  }
};

/** Those given, with defaults, as they fit a runbook. @throws PawlError `params.invalid`, `limit.exceeded` */
export const paramsFor = (
  engine: Pick<Engine, 'authoring'>,
  runbook: Runbook,
  given: Record<string, unknown>,
): Record<string, unknown> => {
  const params = engine.authoring.resolveParams(runbook, given);
  assertPlaces(engine, runbook, params);
  return params;
};

/** @throws PawlError `runbook.unknown` */
export const versionOf = async (
  engine: Pick<Engine, 'versions'>,
  request: { runbookId: string; version?: number },
): Promise<Version> => {
  const version = await engine.versions.get(request.runbookId, request.version);
  if (version !== undefined) return version;
  const which = request.version === undefined ? '' : ` version ${request.version}`;
  const message = `There is no runbook ${request.runbookId}${which}; publish it with \`pawl publish FILE\`.`;
  throw new PawlError('runbook.unknown', message, { runbookId: request.runbookId });
};
