/**
 * What a runbook needs and is not at the place of this process, and which of its cells belong to other places. It says what a run that
 * is started here would meet, and decides nothing: before each reservation it is asked anew.
 */
import { type Authoring, allCells, anyPlace, type Cell, isPawlError, natureOf, type Runbook } from '../engine/index.ts';
import { plural } from './format.ts';
import { harmless, type Screen } from './screen.ts';
import type { Session } from './session.ts';
import { mannedText } from './workers.ts';

/** `nowMs`: the store's time by which `alive` and `lastSeenAtMs` are told. */
type Staff = { alive: number; lastSeenAtMs: number | null; nowMs: number };
export type HereReport = {
  place: string;
  /** What cells of this place need and have not, cell by cell. */
  missing: { cell: string; missing: string[] }[];
  /** Where programs are looked for, in this order; told where one is missing. */
  path: string[];
  /** What `allow.env` of this place would have to list, and does not. */
  allowEnv: string[];
  /** Cells of other places. `staff`: whether that place has anybody; `null` where no store is there to tell. */
  elsewhere: { place: string; cells: string[]; staff: Staff | null }[];
  /** Cells whose place parameters decide that are not given. */
  open: string[];
};

type Where = { kind: 'here' } | { kind: 'elsewhere'; place: string } | { kind: 'open' };

const whereOf = (authoring: Authoring, cell: Cell, params: Record<string, unknown> | null, here: string): Where => {
  if (cell.at === undefined) return { kind: 'here' };
  const rendered = authoring.render(cell.at, { params: params ?? {}, outputs: {}, step: {} });
  if (rendered.kind === 'error') return { kind: 'open' };
  const { text } = rendered;
  return text === anyPlace || text === here ? { kind: 'here' } : { kind: 'elsewhere', place: text };
};

/** Nothing rests on it: where the store does not answer it is not told. */
const staffOf = async (session: Session, place: string): Promise<Staff | null> => {
  try {
    if ((await session.store()).missing !== null) return null;
    const { workers, nowMs } = await session.client.workers({ query: { place } });
    const seen = workers.map(({ seenAtMs }) => seenAtMs);
    const alive = workers.filter(({ state }) => state === 'alive').length;
    return { alive, lastSeenAtMs: seen.length === 0 ? null : Math.max(...seen), nowMs };
  } catch (error) {
    if (isPawlError(error)) return null;
    throw error;
  }
};

/** @param params with which it would run; `null`: not known, so that a place which they decide may stay open */
export const lookHere = async (
  session: Session,
  authoring: Authoring,
  runbook: Runbook,
  params: Record<string, unknown> | null,
): Promise<HereReport> => {
  const { place } = session.settings;
  const report: HereReport = { place, missing: [], path: [], allowEnv: [], elsewhere: [], open: [] };
  const others = new Map<string, string[]>();
  for (const cell of allCells(runbook.cells)) {
    if (natureOf(cell) !== 'effect' && cell.poll === undefined) continue;
    const where = whereOf(authoring, cell, params, place);
    if (where.kind === 'open') report.open.push(cell.name);
    if (where.kind === 'elsewhere') others.set(where.place, [...(others.get(where.place) ?? []), cell.name]);
    if (where.kind !== 'here') continue;
    const { uses = [], needs = { programs: [], env: [] } } = cell;
    const secrets = Object.fromEntries(uses.map((name) => [name, runbook.secrets?.[name]?.from ?? '']));
    const lacking = uses.length === 0 ? [] : await session.missingSecrets(secrets);
    if (lacking.length > 0) report.missing.push({ cell: cell.name, missing: lacking });
    if (cell.needs === undefined) continue;
    const { here, path, unlisted } = await session.here();
    const missing = await here.missing(needs);
    if (missing.length === 0) continue;
    const same = report.missing.find((one) => one.cell === cell.name);
    if (same === undefined) report.missing.push({ cell: cell.name, missing });
    else same.missing.unshift(...missing);
    if (missing.some((one) => one.startsWith('program '))) report.path = path;
    report.allowEnv = [...new Set([...report.allowEnv, ...unlisted(needs.env)])];
  }
  for (const [other, cells] of others)
    report.elsewhere.push({ place: other, cells, staff: await staffOf(session, other) });
  return report;
};

const staffText = (staff: Staff | null): string => (staff === null ? '' : `; ${mannedText(staff, staff.nowMs)}`);

/** Nothing where nothing is missing and everything belongs here. */
export const printHere = ({ print, paint }: Screen, report: HereReport): void => {
  const { place, missing, path, allowEnv, elsewhere, open } = report;
  if (missing.length > 0) print(paint('warn', `Missing here (${place}):`));
  for (const { cell, missing: all } of missing) for (const one of all) print(`  ${cell}: ${harmless(one)}`);
  if (path.length > 0) print(`  Programs are looked for in ${harmless(path.join(', '))}.`);
  if (allowEnv.length > 0) print(`  The allow file of this place would have to list env: ${allowEnv.join(', ')}.`);
  for (const { place: other, cells, staff } of elsewhere)
    print(
      `At ${other}: ${cells.join(', ')} (${cells.length === 1 ? 'it waits' : 'they wait'} for a worker there${staffText(staff)}).`,
    );
  if (open.length > 0) print(`Parameters decide where: ${plural(open.length, 'cell')} (${open.join(', ')}).`);
};

const asksForPlaces = ({ cells }: Runbook): boolean =>
  allCells(cells).some(({ at, needs, uses }) => at !== undefined || needs !== undefined || uses !== undefined);

/**
 * Says it before a run that this process is to carry out. Nothing is refused by it.
 * @returns `null` where a service carries it out, or the runbook asks nothing of its places
 */
export const tellHere = async (
  session: Session,
  runbook: Runbook,
  params: Record<string, unknown> | null,
): Promise<HereReport | null> => {
  if (session.settings.service !== null || !asksForPlaces(runbook)) return null;
  const report = await lookHere(session, await session.authoring(), runbook, params);
  printHere(session.screen, report);
  return report;
};
