import { useId } from 'preact/hooks';
import { harmless } from '../text.ts';
import type { Field } from './schema.ts';

type Props = {
  fields: readonly Field[];
  typed: Readonly<Record<string, string>>;
  onType(name: string, text: string): void;
};

const One = ({ field, value, onType }: { field: Field; value: string; onType(text: string): void }) => {
  const id = useId();
  const { kind, required, choices, hint, label } = field;
  const said = { id, required, value, 'aria-describedby': hint === '' ? undefined : `${id}h` };
  const typing = {
    autoComplete: 'off',
    onInput: (event: { currentTarget: { value: string } }) => onType(event.currentTarget.value),
  };
  const options = kind === 'yesNo' ? ['true', 'false'] : choices;
  return (
    <p class="field">
      <label for={id}>
        {harmless(label)}
        {required ? '' : ' (if you like)'}
      </label>
      {kind === 'choice' || kind === 'yesNo' ? (
        <select {...said} onChange={(event) => onType(event.currentTarget.value)}>
          <option value="">choose</option>
          {options.map((one) => (
            <option key={one} value={one}>
              {kind === 'yesNo' ? (one === 'true' ? 'yes' : 'no') : harmless(one)}
            </option>
          ))}
        </select>
      ) : field.isSecret ? (
        <input {...said} {...typing} type="password" />
      ) : kind === 'lines' || kind === 'json' ? (
        <textarea {...said} rows={3} onInput={(event) => onType(event.currentTarget.value)} />
      ) : (
        <input {...said} {...typing} type="text" inputMode={kind === 'number' ? 'decimal' : undefined} />
      )}
      {hint === '' ? null : (
        <span id={`${id}h`} class="small quiet">
          {harmless(hint)}
        </span>
      )}
    </p>
  );
};

export const Fields = ({ fields, typed, onType }: Props) => (
  <>
    {fields.map((field) => (
      <One
        key={field.name}
        field={field}
        value={typed[field.name] ?? field.initial}
        onType={(text) => onType(field.name, text)}
      />
    ))}
  </>
);
