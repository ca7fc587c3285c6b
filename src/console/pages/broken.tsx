/** A run whose journal cannot be trusted: nothing of it is shown as true but where it breaks, and a person may end it. */
import { useState } from 'preact/hooks';
import { call, type Refused } from '../api.ts';
import { Words } from '../decide/reason.tsx';
import { May } from '../me.tsx';
import { Verify } from '../parts/verify.tsx';
import { harmless } from '../text.ts';
import { useTold } from '../told.ts';

type Told = { tone: 'good' | 'bad'; text: string };

export const Broken = ({ instanceId, error }: { instanceId: string; error: Refused }) => {
  const [reason, setReason] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [told, setTold] = useState<Told>();
  const { at, begin } = useTold(told, isBusy);
  const end = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    begin();
    try {
      await call('cancel', { path: { instanceId }, body: { reason } });
      setTold({ tone: 'good', text: 'Ended: it is cancelled, as broken, and nobody is asked to look at it any more.' });
    } catch (refused) {
      setTold({ tone: 'bad', text: (refused as Error).message });
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="panel bad" aria-label="Broken">
      <h2>Its journal is broken</h2>
      <p>{harmless(error.message)}</p>
      <p>
        Somebody altered or lost a part of what was recorded. Nothing runs in it any more. Compare it with what its
        cells act upon; a backup of the store has the journal as it was.
      </p>
      <Verify instanceId={instanceId} />
      <div aria-live="polite" tabIndex={-1} ref={at}>
        {told === undefined ? null : <p class={`notice ${told.tone}`}>{harmless(told.text)}</p>}
      </div>
      {told?.tone === 'good' ? null : (
        <May does="cancel" what="Ending it">
          <form onSubmit={(event) => void end(event)}>
            <fieldset disabled={isBusy}>
              <legend class="hidden">End it</legend>
              <Words label="Why is it ended as it stands?" value={reason} onInput={setReason} required />
              <p>
                <button type="submit" class="danger">
                  End {instanceId}
                </button>
              </p>
            </fieldset>
          </form>
        </May>
      )}
    </section>
  );
};
