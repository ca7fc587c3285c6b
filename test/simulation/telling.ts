/** Some runbooks tell people, by a claim, when one of them is needed. */
import type { Notify, Runbook } from '../../src/engine/index.ts';

export const pagesClaim = 'pages';
const notify: Notify = { line: 1, kind: 'claim', claim: [pagesClaim] };

/** Every so manieth seed, so that all kinds of schedules are among them. */
const tells = (seed: number): boolean => seed % 7 === 2;

export const withNotify = (seed: number, runbook: Runbook): Runbook => (tells(seed) ? { ...runbook, notify } : runbook);
