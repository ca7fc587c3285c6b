/** A cell that a person does: what to do, what it asks for, a file if there is one, and how it went. */
import { useId, useRef, useState } from 'preact/hooks';
import { call, type Instance, type WaitOf } from '../api.ts';
import { Markdown } from '../markdown.tsx';
import { May } from '../me.tsx';
import { useNow } from '../poll.ts';
import { moment } from '../text.ts';
import type { Acting } from './acting.ts';
import { Fields } from './fields.tsx';
import { Words } from './reason.tsx';
import { fieldsOf, valuesOf } from './schema.ts';

const readFile = async (file: File): Promise<{ name: string; base64: string; sha256: string }> => {
  const content = new Uint8Array(await file.arrayBuffer());
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
  let text = '';
  for (const byte of content) text += String.fromCharCode(byte);
  const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return { name: file.name, base64: btoa(text), sha256 };
};

type Props = { instance: Instance; waits: WaitOf<'manual'>; acting: Acting };
export const Manual = ({ instance, waits, acting }: Props) => {
  const { cell, instructions, answer, sinceMs } = waits;
  const [typed, setTyped] = useState<Record<string, string>>({});
  const [note, setNote] = useState('');
  const [file, setFile] = useState<File>();
  const id = useId();
  const said = useRef<HTMLDivElement>(null);
  const nowMs = useNow();
  const fields = answer === undefined ? [] : fieldsOf(answer);
  const record = (result: 'done' | 'failed'): Promise<boolean> =>
    acting.act(async () => {
      const values = answer === undefined || result === 'failed' ? undefined : valuesOf(fields, typed, answer);
      const attachment = file === undefined ? undefined : await readFile(file);
      await call('done', {
        path: { instanceId: instance.view.instanceId, cell },
        body: {
          result,
          note,
          expectedSeq: instance.view.seq,
          ...(values === undefined ? {} : { answer: values }),
          ...(attachment === undefined ? {} : { attachment }),
        },
      });
      return `Recorded: ${cell} ${result === 'done' ? 'is done' : 'failed'}.`;
    });
  return (
    <section class="panel live" aria-label="Do it">
      <h2>{cell} waits for a person</h2>
      <p class="small quiet">Since {moment(sinceMs, nowMs)}.</p>
      {instructions === null ? null : (
        <div class="asked">
          <Markdown source={instructions} />
        </div>
      )}
      <May does="done" what="Answering">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void record('done');
          }}
        >
          <fieldset disabled={acting.isBusy}>
            <legend>How did it go?</legend>
            <Fields fields={fields} typed={typed} onType={(name, text) => setTyped({ ...typed, [name]: text })} />
            <div ref={said}>
              <Words label="What you did or saw. It stands in the journal." value={note} onInput={setNote} required />
            </div>
            <p class="field">
              <label for={id}>A file to keep with it (if you like)</label>
              <input id={id} type="file" onChange={(event) => setFile(event.currentTarget.files?.[0])} />
            </p>
            <p class="buttons">
              <button type="submit" class="main">
                It is done
              </button>
              <button
                type="button"
                class="danger"
                onClick={() => {
                  // Of the form it needs nothing but that; the browser says so where it is missing.
                  if (said.current?.querySelector('textarea')?.reportValidity()) void record('failed');
                }}
              >
                It failed
              </button>
            </p>
          </fieldset>
        </form>
      </May>
    </section>
  );
};
