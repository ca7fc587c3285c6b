/** The plan of what stands in a form: asked anew when that changes, and good for exactly that. */
import { useState } from 'preact/hooks';
import { call } from '../api.ts';
import type { Plan } from '../parts/plan.tsx';
import { useWhenQuiet } from '../quiet.ts';

type Asked = { runbookId: string; version: number; params: Record<string, unknown> };
/** `plan`: of what stands in the form now. `problem`: why there is none. Neither: it is being asked for. */
export type Planning = { plan?: Plan; problem?: string; again(): void };

/** What keeps a form from being asked about. */
type Unready = { problem: string } | { missing: string[] };

export const usePlan = (asked: Asked | Unready): Planning => {
  const key = JSON.stringify(asked);
  const [round, setRound] = useState(0);
  const [found, setFound] = useState<{ key: string; plan?: Plan; problem?: string }>();
  useWhenQuiet(
    async (isOver) => {
      if (!('params' in asked)) return;
      const { runbookId, ...body } = asked;
      const now = await call('plan', { path: { runbookId }, body }).then(
        (plan) => ({ plan }),
        (error: Error) => ({ problem: error.message }),
      );
      if (!isOver()) setFound({ key, ...now });
    },
    [key, round],
  );
  const again = (): void => {
    setFound(undefined);
    setRound(round + 1);
  };
  if (!('params' in asked)) return 'problem' in asked ? { problem: asked.problem, again } : { again };
  if (found?.key !== key) return { again };
  const { key: _, ...own } = found;
  return { ...own, again };
};
