/** Types of an expression, as the library checks them, and what it says of a fault. */
import { TypeError as CelTypeError, ParseError } from '@marcbachmann/cel-js';
import { typedParsers, useOwnFunctions, type VariableTypes } from './cel.ts';
import { describeError } from './evaluate.ts';
import type { Surroundings } from './surroundings.ts';
import type { Report, Text } from './text.ts';
import { ExpressionError } from './values.ts';

/** Where the library found a fault, and what it is, without the excerpt that it appends. */
export const reportError = (error: unknown, source: Text, report: Report): void => {
  const start = error instanceof ParseError || error instanceof CelTypeError ? (error.range?.start ?? 0) : 0;
  const at = source.at(Math.min(start, source.text.length));
  if (error instanceof ExpressionError) report(at, error.message);
  else report(at, `this expression cannot be used: ${describeError(error)}`);
};

/** Values that JSON cannot say, so that no text can be made of them. */
const unwritable = ['google.protobuf.Timestamp', 'google.protobuf.Duration', 'type'];

/** The library checks the types; refused is what can hold for none that the values may have. */
export const checkTypes = (
  source: Text,
  condition: boolean,
  around: Surroundings,
  whole: ReadonlySet<string>,
  report: Report,
): void => {
  const { types } = around;
  const faults: (() => void)[] = [];
  const parsers = typedParsers(
    withElements(types, namesOf(around)),
    new Set(Object.keys(types.fields).filter((name) => whole.has(name))),
  );
  for (const parse of parsers) {
    const { ast, check } = parse(source.text);
    useOwnFunctions(ast);
    const { valid, type = 'dyn', error } = check();
    if (!valid) faults.push(() => reportError(error, source, report));
    else if (condition && type !== 'bool' && type !== 'dyn')
      faults.push(() => report(source.at(0), `a condition must be true or false; this one is of type ${type}`));
    else if (!condition && unwritable.includes(type))
      faults.push(() =>
        report(source.at(0), `a value of type ${type} cannot be written; make a text or a number of it`),
      );
  }
  if (faults.length === parsers.length) faults[0]?.();
};

/** One for each set of names, so that what is made for it is found again. */
const known = new WeakMap<VariableTypes, Map<string, VariableTypes>>();
const withElements = (types: VariableTypes, names: readonly string[]): VariableTypes => {
  if (names.length === 0) return types;
  const made = known.get(types) ?? new Map<string, VariableTypes>();
  known.set(types, made);
  const found = made.get(names.join());
  if (found !== undefined) return found;
  const roots = {
    ...types.roots,
    ...Object.fromEntries(names.map((name) => [name, name === 'index' ? 'int' : 'dyn'])),
  };
  const all = { ...types, roots };
  made.set(names.join(), all);
  return all;
};

/** What the elements around are called, and their index. */
export const namesOf = ({ elements }: Surroundings): string[] =>
  elements.length === 0 ? [] : [...elements.map(({ as }) => as), 'index'];
