/** Whether somebody may vote. The engine refuses by it, and the page offers nothing that it refuses. */

/** What an approval asks, and who it is that looks. */
type Terms = { approvers: string[]; groups: string[]; self: boolean };
type Voter = { actor: string; groups: string[] };

/** Whether it asks them: by their name, exactly as it is written, or by a group that they are in. */
export const isAsked = ({ approvers, groups }: Omit<Terms, 'self'>, voter: Voter): boolean =>
  approvers.includes(voter.actor) || voter.groups.some((group) => groups.includes(group));

/** @returns why they may not vote; `undefined`: they may. @param starters who started the run, or one that it continues */
export const whyNoVote = (terms: Terms, starters: readonly string[], voter: Voter): 'notAsked' | 'self' | undefined => {
  if (!isAsked(terms, voter)) return 'notAsked';
  return terms.self || !starters.includes(voter.actor) ? undefined : 'self';
};
