/** One revision of a claim: what is so, who says so, and by what. */
import type { BodyOf } from '../../contract/index.ts';
import { claimPath, Link } from '../route.tsx';
import { ago, harmless, shown } from '../text.ts';
import { Long } from './code.tsx';

export type Claim = BodyOf<'claimHistory'>['claims'][number];

export const claimTones: Record<Claim['status'], string> = {
  asserted: 'live',
  supported: 'good',
  invalidated: 'bad',
  superseded: 'quiet',
};

type Props = { claim: Claim; nowMs: number; isLinked?: boolean };
export const ClaimLine = ({ claim, nowMs, isLinked = false }: Props) => (
  <li class="run">
    <div class="run-state">
      <span class={`badge ${claimTones[claim.status]}`}>{claim.status}</span>
    </div>
    <div class="run-what">
      <p class="run-name">
        {isLinked ? <Link to={claimPath(claim.claimId)}>{harmless(claim.claimId)}</Link> : null}
        <span class="quiet">
          revision {claim.revision}, by {harmless(claim.by.actor)}
        </span>
      </p>
      {claim.statement === null ? null : <p class="words">{harmless(claim.statement)}</p>}
      {claim.reason === null ? null : <p class="said">“{harmless(claim.reason)}”</p>}
      {claim.evidence === null ? null : (
        <details>
          <summary class="small">
            Evidence<span class="hidden"> of revision {claim.revision}</span>
          </summary>
          <Long text={shown(claim.evidence)} label={`Evidence of revision ${claim.revision}`} />
        </details>
      )}
    </div>
    <div class="run-time">
      <span class="quiet small">{ago(Date.parse(claim.at), nowMs)}</span>
    </div>
  </li>
);
