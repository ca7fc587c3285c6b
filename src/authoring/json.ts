/** JSON text to values and back, keeping integers that a JavaScript number cannot hold. */
import { isLossy, lossyNumberIn, PawlError, wholeOf } from '../engine/index.ts';

// Node 24 has both; TypeScript's library of ES2024 has neither.
type SourceContext = { source?: string };
const exactJson = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: SourceContext) => unknown): unknown;
  rawJSON(text: string): unknown;
};

/**
 * JSON text to values. Whole numbers beyond 2^53 become bigint, however they are written; of others the digits that no
 * double has are lost, as everywhere. Throws a SyntaxError when it is not JSON.
 */
export const parseJson = (text: string): unknown => {
  // Reading number by number is slow and recursive: only texts that may hold a large integer are read so.
  if (!/\d{16}/.test(text) && lossyNumberIn(text) === undefined) return JSON.parse(text);
  const exact = (_key: string, value: unknown, { source }: SourceContext): unknown => {
    if (typeof value !== 'number' || Number.isSafeInteger(value) || source === undefined) return value;
    if (/^-?\d+$/.test(source)) return BigInt(source);
    return (isLossy(source) ? wholeOf(source) : undefined) ?? value;
  };
  try {
    return exactJson.parse(text, exact);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PawlError('limit.exceeded', 'this JSON is nested too deeply to be read exactly; flatten it', {}, error);
  }
};

/** Values to JSON text; bigint becomes an integer. */
export const writeJson = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'bigint' ? exactJson.rawJSON(part.toString()) : part,
  ) ?? 'null';
