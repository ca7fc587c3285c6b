/** Who comes too late with an answer (a `done`, a vote, a verdict) is told who was first, and what they said. */
import type { Call } from '../call/call.ts';
import type { Entry } from '../model/entries.ts';
import { type ErrorCode, isPawlError, PawlError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';

/** `what`: what they did, as a sentence goes on after their name. */
type Answered = { actor: string; via: string; what: string; seq: number; at: string };

/** The cell that was to be answered, or the seq of the step. */
type About = { cell: string } | { step: number };

const refusedLate: ReadonlySet<ErrorCode> = new Set([
  'seq.stale',
  'cell.notWaiting',
  'vote.closed',
  'vote.stale',
  'instance.finished',
]);
/** In a sentence; `answered` of the details has as many as an answer tells of votes. */
const toldInWords = 5;

const votes = { approve: 'approved', reject: 'rejected', withdraw: 'withdrew their approval' } as const;

const whatIn = (entry: Entry): string | undefined => {
  if (entry.kind === 'vote') return votes[entry.decision];
  if (entry.kind === 'proposed') return `proposed the verdict ${entry.verdict}`;
  if (entry.kind !== 'outcome' && entry.kind !== 'resolved') return undefined;
  const verdict = entry.verdict === undefined ? undefined : `gave the verdict ${entry.verdict}`;
  if (entry.closedBy === 'person' && verdict !== undefined) return verdict;
  if (entry.kind === 'resolved') return `settled it by its ${entry.closedBy} as ${entry.verdict}`;
  if (entry.closedBy === 'person') return `recorded it as ${entry.status === 'completed' ? 'done' : entry.status}`;
  const by = entry.closedBy === 'holder' ? '' : ` by its ${entry.closedBy}`;
  return `recorded it as ${entry.status}${by}`;
};

/** Which step an entry is about. */
const stepOf = (entry: Entry): number | null =>
  entry.kind === 'outcome' ? (entry.closes ?? entry.seq) : 'about' in entry ? entry.about : null;

/** Of the newest step of the cell; of a wait the answers of people alone, since what ends it follows from them. */
const answersAbout = async ({ engine, instanceId, chain }: Call, about: About): Promise<Answered[]> => {
  const { seq } = chain.head.entry;
  const entries: Entry[] = [];
  let from = 'step' in about ? about.step : Math.max(-1, seq - limits.pageMax);
  // A lease that is renewed makes many entries that say nothing.
  for (const end = from + limits.verdictsWordEntries; from < Math.min(seq, end); from += limits.pageMax) {
    const page = await engine.journal.page(instanceId, from, limits.pageMax);
    entries.push(...page.flatMap(({ entry }) => (entry.kind === 'renewed' ? [] : [entry])));
  }
  const step =
    'step' in about
      ? about.step
      : entries.findLast((entry) => 'cell' in entry && entry.cell === about.cell && stepOf(entry) !== null);
  if (step === undefined) return [];
  const at = typeof step === 'number' ? step : stepOf(step);
  const found = entries.flatMap((entry) => {
    const what = stepOf(entry) === at ? whatIn(entry) : undefined;
    return what === undefined ? [] : [{ entry, what }];
  });
  const isByPerson = ({ entry }: (typeof found)[number]): boolean =>
    entry.kind === 'vote' || (entry.kind === 'outcome' && entry.closedBy === 'person');
  return ('step' in about ? found : found.filter(isByPerson)).slice(-limits.votesToldMax).map(({ entry, what }) => {
    const { actor, via } = entry.by;
    return { actor, via, what, seq: entry.seq, at: new Date(entry.atMs).toISOString() };
  });
};

const inWords = (answered: Answered[]): string => {
  const told = answered.slice(-toldInWords).map(({ actor, what, at }) => `${actor} ${what} at ${at}`);
  return `${answered.length > toldInWords ? 'Among others ' : ''}${told.join(', ')}.`;
};

/** @throws PawlError what `asked` throws; where an answer came first, it is told there, and stands in `details.answered` */
export const toldWhoAnswered = async <T>(call: Call, about: About, asked: () => Promise<T> | T): Promise<T> => {
  try {
    return await asked();
  } catch (error) {
    if (!isPawlError(error) || !refusedLate.has(error.code)) throw error;
    // The refusal is what counts: it is not held up by a store that does not tell why.
    const answered = await answersAbout(call, about).catch(() => []);
    if (answered.length === 0) throw error;
    const message = `${error.message} ${inWords(answered)}`;
    throw new PawlError(error.code, message, { ...error.details, answered }, error.cause);
  }
};
