/** A run that began before the last restore from backup: a person lets it go on. */
import { useState } from 'preact/hooks';
import { call, type Instance } from '../api.ts';
import { May } from '../me.tsx';
import type { Acting } from './acting.ts';
import { Words } from './reason.tsx';

export const Release = ({ instance, acting }: { instance: Instance; acting: Acting }) => {
  const [reason, setReason] = useState('');
  if (!instance.held) return null;
  return (
    <section class="panel warn" aria-label="Release">
      <h2>Held since a restore from backup</h2>
      <p>What it did after that backup is not known here. Look whether it may go on as it stands, then release it.</p>
      <May does="release" what="Releasing it">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void acting.act(async () => {
              await call('release', {
                path: { instanceId: instance.view.instanceId },
                body: { reason, expectedSeq: instance.view.seq },
              });
              return 'Released: it may go on.';
            });
          }}
        >
          <fieldset disabled={acting.isBusy}>
            <legend class="hidden">Release</legend>
            <Words label="Why? It stands in the journal." value={reason} onInput={setReason} required />
            <p>
              <button type="submit" class="main">
                Release it
              </button>
            </p>
          </fieldset>
        </form>
      </May>
    </section>
  );
};
