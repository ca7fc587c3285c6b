/** claim: facts that runbooks wait for. Setting one wakes them. */
import assert from 'node:assert/strict';
import { Argument, Option } from 'commander';
import { type ClaimStatus, claimStatuses, PawlError, parseAsWritten } from '../../engine/index.ts';
import type { Claim } from '../client.ts';
import { exits } from '../exits.ts';
import { oneLine, plural, stamp, unbroken } from '../format.ts';
import { textGiven } from '../given.ts';
import { storeAt, tellNothing } from '../nothing.ts';
import { harmless, type Screen } from '../screen.ts';
import type { Answer, Session } from '../session.ts';
import { shellWord } from '../shellWord.ts';
import { printFact } from '../stepScreen.ts';
import { type AddCommands, wholeNumber, withExamples } from './common.ts';

type SetOptions = {
  status: ClaimStatus;
  statement?: string;
  evidence?: string;
  revision?: number;
  reason?: string;
};

/** @throws PawlError `request.invalid` when it is no JSON */
const evidenceOf = async (given: string | undefined): Promise<unknown> => {
  if (given === undefined) return undefined;
  const text = await textGiven('--evidence', given);
  try {
    return parseAsWritten(text);
  } catch {
    const message = `--evidence is no JSON: ${oneLine(harmless(text), 60)}. Give '{"errors": 0}', '"a text"', or @FILE.`;
    throw new PawlError('request.invalid', message);
  }
};

const printClaim = (
  screen: Screen,
  { claimId, revision, status, statement, evidence, reason, by, at }: Claim,
): void => {
  const when = `revision ${revision}, ${stamp(Date.parse(at))}, by ${harmless(by.actor)}`;
  screen.print(`${screen.paint('strong', claimId)}  ${status}, ${when}`);
  if (statement !== null) printFact(screen, 'statement', harmless(statement));
  if (reason !== null) printFact(screen, 'reason', harmless(reason));
  if (evidence !== null) printFact(screen, 'evidence', harmless(JSON.stringify(evidence)));
};

const set = async ({ screen, settings, client }: Session, id: string, options: SetOptions): Promise<Answer> => {
  const { status, statement, revision, reason } = options;
  const evidence = await evidenceOf(options.evidence);
  const answer = await client.setClaim({ query: { id }, body: { status, statement, evidence, revision, reason } });
  printClaim(screen, answer.claim);
  const { woken } = answer;
  if (woken === null) screen.print('Not all who wait for it were told yet: the schedule goes on with that.');
  else if (woken > 0) {
    const here =
      settings.service === null ? ' Nothing advances them here: `pawl advance ID --max-cells all` does.' : '';
    screen.print(`${plural(woken, 'instance')} that waited for it will look at it.${here}`);
  } else screen.print('Nothing waits for it now.');
  return { exit: exits.done, document: answer };
};

const get = async ({ screen, client }: Session, id: string): Promise<Answer> => {
  const found = await client.claims({ query: { id } });
  assert('claim' in found);
  printClaim(screen, found.claim);
  return { exit: exits.done, document: found };
};

const table = (screen: Screen, claims: Claim[], first: (claim: Claim) => string, title: string): void => {
  screen.table(
    [title, 'status', 'set at', 'by', 'statement, evidence, reason'],
    claims.map((claim) => [
      first(claim),
      claim.status,
      stamp(Date.parse(claim.at)),
      unbroken(harmless(claim.by.actor)),
      [claim.statement ?? '', claim.evidence === null ? '' : JSON.stringify(claim.evidence), claim.reason ?? '']
        .filter((text) => text !== '')
        .map((text) => unbroken(harmless(text)))
        .join('; '),
    ]),
  );
};

type HistoryOptions = { limit: number; before?: number };

const history = async ({ screen, client }: Session, id: string, options: HistoryOptions): Promise<Answer> => {
  const { limit, before } = options;
  const page = await client.claimHistory({ query: { id, limit, before } });
  table(screen, page.claims, ({ revision }) => String(revision), 'revision');
  if (page.next !== null) screen.print(`More: \`pawl claim history ${shellWord(id)} --before ${page.next}\`.`);
  return { exit: exits.done, document: page };
};

const list = async (session: Session, { limit, next }: { limit: number; next?: string }): Promise<Answer> => {
  const { screen, client } = session;
  const page = await client.claims({ query: { limit, next } });
  assert('claims' in page);
  if (page.claims.length === 0)
    await tellNothing(session, 'No claims. `pawl claim set ID --status asserted` makes one.');
  else table(screen, page.claims, ({ claimId }) => claimId, 'claim');
  if (page.next !== null) screen.print(`More: add \`--next ${shellWord(page.next)}\`.`);
  return { exit: exits.done, document: { ...page, ...(await storeAt(session)) } };
};

export const addClaims: AddCommands = (program, run) => {
  const claims = program.command('claim');
  claims.description(
    'A claim is a named fact with a status, a statement, evidence and a history that is never altered: `ci/pr-7` is\nsupported, with the report. `await` cells wait for claims; setting one wakes them.',
  );
  const id = () => new Argument('<claim>', 'its id, such as ci/pr-7');

  const setting = claims.command('set').summary('say what is so, and wake who waits for it').addArgument(id());
  setting.description(
    'Writes the next revision of a claim; statement and evidence stay unless new ones are given. With --revision only if\nnone was written since the one you have seen. `invalidated` and `superseded` are final: to say otherwise needs\n--revision and --reason.',
  );
  setting
    .addOption(new Option('--status <status>', 'what is so').choices(claimStatuses).makeOptionMandatory())
    .option('--statement <text>', 'what it says, for people')
    .option(
      '--evidence <json>',
      'what shows it; conditions of `await` cells see it as claim.evidence; @FILE reads a file',
    )
    .option('--revision <n>', 'the revision you have seen, 0 for none; another one is refused', wholeNumber(0))
    .option(
      '--reason <text>',
      'why; a claim that was invalidated or superseded is reopened by it and --revision alone',
    );
  withExamples(
    setting,
    'pawl claim set ci/pr-7 --status supported --evidence \'{"errors": 0}\'',
    'pawl claim set deploy/eu --status invalidated --statement "rolled back" --revision 3',
    'pawl claim set deploy/eu --status supported --revision 4 --reason "rolled forward, see 4711"',
  ).action(run(set));

  const getting = claims.command('get').summary('show a claim as it stands').addArgument(id());
  withExamples(getting, 'pawl claim get ci/pr-7').action(run(get));

  const reading = claims.command('history').summary('show every revision, newest first').addArgument(id());
  reading
    .option('--limit <n>', 'at most so many, up to 100', wholeNumber(1), 20)
    .option('--before <revision>', 'only those before it', wholeNumber(1));
  withExamples(reading, 'pawl claim history ci/pr-7').action(run(history));

  const listing = claims.command('list').summary('list claims by id, each as it stands');
  listing.description('Lists claims. What was set within the last moments may be missing: the index lags.');
  listing
    .option('--limit <n>', 'at most so many, up to 100', wholeNumber(1), 20)
    .option('--next <mark>', 'the page after; the mark stands under the page before');
  withExamples(listing, 'pawl claim list').action(run(list));
};
