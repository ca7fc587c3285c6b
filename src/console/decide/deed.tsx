/** What changes how a run goes, folded until it is meant: what it leads to, and why, before its button. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Acting } from './acting.ts';
import { Words } from './reason.tsx';

type Props = {
  title: string;
  button: string;
  acting: Acting;
  /** @returns what came of it */
  does(reason: string): Promise<string>;
  /** Hears that it was unfolded, or folded. */
  onToggle?(isUnfolded: boolean): void;
  /** Under its button. */
  below?: ComponentChildren;
  children: ComponentChildren;
};

export const Deed = ({ title, button, acting, does, onToggle, below, children }: Props) => {
  const [reason, setReason] = useState('');
  return (
    <details class="cancel" onToggle={(event) => onToggle?.(event.currentTarget.open)}>
      <summary>{title}</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void acting.act(() => does(reason));
        }}
      >
        <fieldset disabled={acting.isBusy}>
          {children}
          <Words label="Why? It stands in the journal." value={reason} onInput={setReason} required />
          <p>
            <button type="submit" class="danger">
              {button}
            </button>
          </p>
        </fieldset>
        {below}
      </form>
    </details>
  );
};
