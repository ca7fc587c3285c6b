/** Whether a JSON value is nested deeper than `max`. Without recursion: a value is hostile until it has been looked at. */
export const isDeeper = (value: unknown, max: number): boolean => {
  let level = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > max) return true;
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return false;
};
