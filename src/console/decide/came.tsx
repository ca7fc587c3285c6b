/** What came of one decision about many: how far it is, and of each run what was recorded, or who was first. */
import { verdictWords } from '../parts/entryText.ts';
import { instancePath, Link } from '../route.tsx';
import { harmless } from '../text.ts';
import type { Deciding, Result } from './manyRun.ts';

const resultText = (one: Result): string => {
  if (one.result === 'taken') return 'recorded';
  if (one.result === 'proposed') return 'said; nothing follows until another person says the same';
  if (one.result === 'left') return 'left as it was';
  // A put without an answer may stand.
  if (one.result === 'unheard' || (one.result === 'refused' && one.code === 'store.unavailable'))
    return 'no answer: it may have been recorded, look';
  const { first } = one;
  if (first === null) return `refused: ${one.message}`;
  const said =
    first.said === null
      ? ''
      : first.said === 'cancelled'
        ? ' and cancelled it'
        : ` and said ${verdictWords[first.said]}`;
  return `${first.actor} was first${said}${first.reason === null ? '' : `: “${first.reason}”`}`;
};
const toneOf = ({ result }: Result): string => (result === 'taken' ? 'good' : result === 'refused' ? 'warn' : 'live');

export const Came = ({ deciding }: { deciding: Deciding }) => {
  const { results, asked, isBusy, error, stop } = deciding;
  if (asked === 0) return null;
  const taken = results.filter(({ result }) => result === 'taken').length;
  const left = asked - results.length;
  const rest = left === 0 ? '' : `, ${left} ${isBusy ? 'to come' : 'left as they were'}`;
  return (
    <section class="panel live" aria-label="What came of it">
      <h2>What came of it</h2>
      <p>
        <progress max={asked} value={results.length} aria-label={`${results.length} of ${asked} answered`} />{' '}
        <span role="status">
          {taken} of {asked} recorded{rest}.
        </span>{' '}
        {isBusy ? (
          <button type="button" onClick={stop}>
            Stop after the next few
          </button>
        ) : null}
      </p>
      {error === undefined ? null : (
        <p class="notice warn" role="alert">
          {harmless(error)} What was decided stands; of what has no answer look; the rest is in doubt as before.
        </p>
      )}
      <ul class="came">
        {results.map((one) => (
          <li key={one.instanceId}>
            <Link to={instancePath(one.instanceId)}>{harmless(one.instanceId)}</Link>{' '}
            <span class={`tone ${toneOf(one)}`}>{harmless(resultText(one))}</span>
          </li>
        ))}
      </ul>
    </section>
  );
};
