/** One decision about many steps, call by call: the service keeps the rate and answers each step by itself. */
import { useRef, useState } from 'preact/hooks';
import type { BodyOf, CallOf } from '../../contract/index.ts';
import { call, Refused, whoIsShown } from '../api.ts';

/** `unheard`: there was no answer about it, so it may have been recorded. */
export type Result = BodyOf<'verdicts'>['steps'][number] | (Step & { result: 'unheard' });
type Ruling = Pick<CallOf<'verdicts'>['body'], 'verdict' | 'reason' | 'freshKey'>;
type Step = { instanceId: string; seq: number };

/** About a second of work for the service: so often the page learns how far it is, and may be stopped. */
const perCall = 5;

export type Deciding = {
  results: Result[];
  /** How many were asked about; 0: nothing yet. */
  asked: number;
  isBusy: boolean;
  error: string | undefined;
  decide(steps: Step[], ruling: Ruling): Promise<void>;
  stop(): void;
};

/** While others have the turn it is asked for again: the service has waited before it says so. */
const inTurn = async (
  steps: Step[],
  ruling: Ruling,
  as: string | null,
  isStopped: () => boolean,
): Promise<Result[]> => {
  while (!isStopped()) {
    try {
      return (await call('verdicts', { body: { ...ruling, steps } }, as)).steps;
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'verdicts.busy') throw error;
    }
  }
  return [];
};

/** What was refused as a whole was not done; of everything else nobody knows. */
const isUnheard = (error: unknown): boolean => !(error instanceof Refused) || error.status === 0 || error.status >= 500;

/** @param after called with every answer */
export const useDeciding = (after: () => void): Deciding => {
  const [state, set] = useState<Pick<Deciding, 'results' | 'asked' | 'isBusy' | 'error'>>({
    results: [],
    asked: 0,
    isBusy: false,
    error: undefined,
  });
  const isStopped = useRef(false);
  const decide: Deciding['decide'] = async (steps, ruling) => {
    isStopped.current = false;
    // To its end it is the word of whoever began it.
    const as = whoIsShown();
    let rest = steps;
    let results: Result[] = [];
    const tell = (isBusy: boolean, error?: string): void => set({ results, asked: steps.length, isBusy, error });
    tell(true);
    try {
      while (rest.length > 0 && !isStopped.current) {
        const now = rest.slice(0, perCall);
        const answered = await inTurn(now, ruling, as, () => isStopped.current).catch((error: unknown) => {
          if (isUnheard(error)) results = [...results, ...now.map((step) => ({ ...step, result: 'unheard' as const }))];
          throw error;
        });
        const told = answered.filter(({ result }) => result !== 'left');
        results = [...results, ...told];
        const done = new Set(told.map(({ instanceId }) => instanceId));
        rest = rest.filter(({ instanceId }) => !done.has(instanceId));
        tell(true);
        after();
      }
      tell(false);
    } catch (error) {
      tell(false, (error as Error).message);
    }
  };
  return {
    ...state,
    decide,
    stop: () => {
      isStopped.current = true;
    },
  };
};
