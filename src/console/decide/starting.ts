/** A start from a form: however often it is sent, one run. */
import { useState } from 'preact/hooks';
import { call, Refused } from '../api.ts';
import type { Plan } from '../parts/plan.tsx';
import { go, instancePath } from '../route.tsx';

type Drive = 'auto' | 'manual';
/** `run`: the id that it has, or would have. `isTaken`: there is such a run, so this form can start no other. */
export type Told = { tone: 'warn' | 'bad'; text: string; run?: string; isTaken?: true };
export type Starting = {
  start(plan: Plan, drive: Drive): Promise<void>;
  another(): void;
  isBusy: boolean;
  told: Told | undefined;
};

const idChars = 12;
const prefixChars = 100;
const draw = (runbookId: string): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(idChars / 2));
  const hex = [...bytes].map((one) => one.toString(16).padStart(2, '0')).join('');
  return `${runbookId.slice(0, prefixChars)}-${hex}`;
};

/** Drawn once for a form that is opened: it stays with the page of the browser's history, so also when that is loaded anew. */
const drawnFor = (runbookId: string): string => {
  const kept: unknown = (history.state as { startId?: unknown } | null)?.startId;
  if (typeof kept === 'string' && kept.startsWith(`${runbookId.slice(0, prefixChars)}-`)) return kept;
  return keep(draw(runbookId));
};
const keep = (startId: string): string => {
  history.replaceState({ ...(history.state as object | null), startId }, '');
  return startId;
};

const taken = 'This run was started before: nothing new begins.';

const toldOf = (error: unknown, run: string): Told => {
  const { message } = error as Error;
  if (!(error instanceof Refused)) return { tone: 'bad', text: message };
  const { code, status } = error;
  if (code === 'instance.exists') return { tone: 'warn', text: message, run, isTaken: true };
  if (status !== 0 && status < 500) return { tone: 'bad', text: message };
  const why = status === 0 ? '' : ` (${message})`;
  const text = `There is no answer${why}, so it may have started. Starting once more is safe: this form starts one run.`;
  return { tone: 'warn', text, run };
};

export const useStarting = (runbookId: string): Starting => {
  const [drawn, setDrawn] = useState(() => drawnFor(runbookId));
  const [sent, setSent] = useState(0);
  const [isBusy, setBusy] = useState(false);
  const [told, setTold] = useState<Told>();
  const start = async ({ params, version, instanceId }: Plan, drive: Drive): Promise<void> => {
    if (isBusy || version === null) return;
    const run = instanceId ?? drawn;
    setBusy(true);
    setTold(undefined);
    setSent(sent + 1);
    try {
      // Where `unique` says the id, none is given.
      const body = { params, version, drive, ...(instanceId === null ? { instanceId: run } : {}) };
      const { view, created } = await call('start', { path: { runbookId }, body });
      if (created || sent > 0) return go(instancePath(view.instanceId));
      setTold({ tone: 'warn', text: taken, run: view.instanceId, isTaken: true });
    } catch (error) {
      setTold(toldOf(error, run));
    } finally {
      setBusy(false);
    }
  };
  const another = (): void => {
    setDrawn(keep(draw(runbookId)));
    setSent(0);
    setTold(undefined);
  };
  return { start, another, isBusy, told };
};
