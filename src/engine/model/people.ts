/** By how many people a step in doubt is decided, as a deployment says it. */
type People = { decidePeople?: 2 };

export const peopleForm =
  '1, or 2: then what one person decides of a step in doubt waits for another who decides the same';

/** `undefined`: it says neither. */
export const peopleIn = (text: string | undefined): People | undefined => {
  if (text === undefined || text === '' || text === '1') return {};
  return text === '2' ? { decidePeople: 2 } : undefined;
};
