/** Regular expressions in linear time (RE2), with bounded size. The only ones that an author's pattern ever reaches. */
import { RE2JS } from 're2js';
import { limits } from '../engine/index.ts';
import { ExpressionError } from './values.ts';

const compiled = new Map<string, RE2JS>();
const compiledMax = 200;

const compileRaw = (pattern: string): RE2JS => {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/\s+/g, ' ').slice(0, 150) : 'it cannot be read';
    throw new ExpressionError(`the pattern is not one of RE2: ${why}`);
  }
};

/** Compiles a pattern; throws an `ExpressionError` that says what is wrong with it. */
export const compilePattern = (pattern: string): RE2JS => {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  if (pattern.length > limits.patternCharsMax)
    throw new ExpressionError(`the pattern has more than ${limits.patternCharsMax} characters`);
  let counts = 0;
  for (const [, from, to] of pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g))
    counts += Math.max(Number(from), Number(to ?? 0));
  if (counts > limits.patternCountsMax)
    throw new ExpressionError(`the counts in the pattern exceed ${limits.patternCountsMax} together`);
  const expression = compileRaw(pattern);
  if (expression.programSize() > limits.patternProgramMax)
    throw new ExpressionError('the pattern is too large; use smaller counts');
  if (compiled.size >= compiledMax) compiled.clear();
  compiled.set(pattern, expression);
  return expression;
};

/** The reason why a text is not a usable pattern, if it is not. */
export const patternProblem = (pattern: string): string | undefined => {
  try {
    compilePattern(pattern);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'the pattern cannot be read';
  }
};
