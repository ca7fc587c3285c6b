import { useId, useLayoutEffect, useRef } from 'preact/hooks';

type Props = { label: string; value: string; onInput(value: string): void; required?: boolean; max?: number };

/** Words of a person, which stand in the journal for good. */
export const Words = ({ label, value, onInput, required = false, max = 2_000 }: Props) => {
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    // To the browser blanks are words; the service refuses them.
    const isBlank = value !== '' && value.trim() === '';
    field.current?.setCustomValidity(isBlank ? 'Blanks alone are no words.' : '');
  }, [value]);
  return (
    <p class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        ref={field}
        rows={2}
        maxLength={max}
        required={required}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </p>
  );
};
