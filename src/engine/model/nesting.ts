/** How a JSON value or text is built, looked at before anything reads it that could be made to fail or to take long. */
import { limits } from './limits.ts';

/** Whether a JSON value is nested deeper than `max`. Without recursion: a value is hostile until it has been looked at. */
export const isDeeper = (value: unknown, max: number): boolean => {
  let level = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > max) return true;
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return false;
};

const quote = 34;
const backslash = 92;

/** How deep brackets in a JSON text go, and how many values it has, about: without parsing it. */
const shapeOf = (text: string): { depth: number; values: number } => {
  let depth = 0;
  let open = 0;
  let values = 1;
  let isString = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (isString) {
      if (code === backslash) at += 1;
      else if (code === quote) isString = false;
    } else if (code === quote) isString = true;
    else if (code === 0x5b || code === 0x7b) {
      open += 1;
      values += 1;
      depth = Math.max(depth, open);
    } else if (code === 0x5d || code === 0x7d) open -= 1;
    else if (code === 0x2c) values += 1;
  }
  return { depth, values };
};

/** Why an output that is JSON text is not read as JSON: a later reader could not parse it, or not in good time. */
export const whyUnread = (text: string): string | undefined => {
  const { outputNestingMax, outputValuesMax } = limits;
  const { depth, values } = shapeOf(text);
  if (depth > outputNestingMax) return `it is nested ${depth} deep; outputNestingMax is ${outputNestingMax}`;
  if (values > outputValuesMax) return `it has about ${values} values; outputValuesMax is ${outputValuesMax}`;
  return undefined;
};
