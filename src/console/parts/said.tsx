import type { Refused } from '../api.ts';
import { harmless } from '../text.ts';

/** That something is being read, or why it could not be. */
export const Said = ({ error, isLoading }: { error: Refused | undefined; isLoading: boolean }) => {
  if (error !== undefined)
    return (
      <p class="notice warn" role="alert">
        {harmless(error.message)}
      </p>
    );
  return isLoading ? <p class="stale">Loading…</p> : null;
};
