import { useId } from 'preact/hooks';

type Props = { label: string; value: string; onInput(value: string): void; required?: boolean; max?: number };

/** Words of a person, which stand in the journal for good. */
export const Words = ({ label, value, onInput, required = false, max = 2_000 }: Props) => {
  const id = useId();
  return (
    <p class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        rows={2}
        maxLength={max}
        required={required}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </p>
  );
};
