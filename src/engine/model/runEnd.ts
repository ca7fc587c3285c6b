/**
 * How a run, or an element of a section, ended. `failed`: it was given up for a failure. `rolled_back`: so too, and every cell with effects
 * that had begun was taken back.
 */
export const runEnds = ['completed', 'failed', 'rolled_back', 'cancelled'] as const;
export type RunEnd = (typeof runEnds)[number];
export const isRunEnd = (status: string): status is RunEnd => (runEnds as readonly string[]).includes(status);

/** By what the way through a run is over: from then on only what is gone through at its end is begun. */
export const wayEnds = ['completed', 'failed', 'cancelled'] as const;
export type WayEnd = (typeof wayEnds)[number];
