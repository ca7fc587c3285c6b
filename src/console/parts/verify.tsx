/** Whether the chain of a journal holds, or where it breaks. */
import { useState } from 'preact/hooks';
import { call } from '../api.ts';
import { harmless, plural } from '../text.ts';

export const Verify = ({ instanceId }: { instanceId: string }) => {
  const [told, setTold] = useState<{ tone: string; text: string }>();
  const verify = async (): Promise<void> => {
    try {
      const { intact, entries, breaks } = await call('verify', { path: { instanceId } });
      const broken = breaks.map(({ seq, why }) => `entry ${seq}: ${why}`).join('; ');
      setTold(
        intact
          ? {
              tone: 'good',
              text: `Verified: ${plural(entries, 'entry').replace('entrys', 'entries')}, the chain holds.`,
            }
          : { tone: 'bad', text: `The chain breaks at ${broken}.` },
      );
    } catch (error) {
      setTold({ tone: 'bad', text: (error as Error).message });
    }
  };
  return (
    <p>
      <button type="button" class="plain" onClick={() => void verify()}>
        Verify the chain
      </button>{' '}
      <span role="status" class={told === undefined ? '' : `tone ${told.tone}`}>
        {harmless(told?.text ?? '')}
      </span>
    </p>
  );
};
