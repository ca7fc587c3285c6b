/** What a vote answers, and the one-time link by which somebody votes. */
import * as z from 'zod';
import { count } from './parts.ts';
import { view } from './views.ts';
import { freed, shown } from './waits.ts';

const tally = {
  decision: z.enum(['approved', 'rejected']).nullable().describe('null: votes are missing.'),
  approvals: z.array(z.string()),
  quorum: count,
  shownHash: z.string().describe('Of what the vote is about, whole.'),
};
export const voted = z.strictObject({ view, ...tally });
export const linkMade = z.strictObject({
  link: z.string().describe('Its bearer votes as `actor`, once: hand it to no other person.'),
  actor: z.string(),
  expiresAt: z.iso.datetime(),
});
export const linkShown = z.strictObject({
  instanceId: z.string(),
  cell: z.string(),
  title: z.string(),
  actor: z.string(),
  expiresAt: z.iso.datetime(),
  shown,
  freed,
});
export const linkVoted = z.strictObject({ instanceId: z.string(), ...tally });
