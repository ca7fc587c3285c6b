import { statusText, toneOf } from '../text.ts';

/** A status: its word, and a colour beside it that says nothing more. */
export const Badge = ({ status }: { status: string }) => (
  <span class={`badge ${toneOf(status)}`}>{statusText(status)}</span>
);
