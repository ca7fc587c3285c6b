/** What the heading of a section with `each` or `parallel` says: what it goes over, and how. */
import { type EachBody, limits } from '../engine/index.ts';
import { type Attributes, nameProblem, textOfAttribute } from './attributes.ts';
import { roots } from './surroundings.ts';
import { list, type Position, quote, type Report, suggest, type Text } from './text.ts';

/** `over`: of `parallel` `null`, its parts are the elements. */
export type EachSection = {
  over: Text | null;
  /** What the element is called. */
  as: string;
  max: EachBody['max'];
  stopAfter: number;
  output: Text | null;
  /** What becomes of an element that would halt for a known failure; absent: a person is asked. */
  onFailure?: 'undo' | 'end';
  /** Where that is said. */
  onFailureAt: Position;
};

/** What stands beside `parallel`, and beside `each`. */
export const parallelWords = ['as', 'max', 'stopAfter', 'onFailure'] as const;
export const eachWords = [...parallelWords, 'output'] as const;

/** A whole number of elements, or of a hundred. Not given: parts are for all at once. */
const readMax = (attributes: Attributes, report: Report): EachBody['max'] => {
  const text = textOfAttribute('max', attributes, report);
  if (text === undefined || text.text === '') return attributes.has('parallel') ? { percent: 100 } : { count: 1 };
  const [, digits = '', percent] = /^(\d{1,4})(%?)$/.exec(text.text) ?? [];
  const number = Number(digits);
  const most = percent === '%' ? 100 : limits.elementsMax;
  if (number < 1 || number > most)
    report(
      text.at(0),
      `\`max\` is how many elements are under way at a time, from 1 to ${limits.elementsMax} (elementsMax), or a part of them from 1% to 100%, not ${quote(text.text)}`,
    );
  return percent === '%' ? { percent: number } : { count: number };
};

const readStopAfter = (attributes: Attributes, report: Report): number => {
  const text = textOfAttribute('stopAfter', attributes, report);
  if (text === undefined || text.text === '') return 1;
  const number = /^\d{1,4}$/.test(text.text) ? Number(text.text) : 0;
  if (number < 1 || number > limits.elementsMax)
    report(
      text.at(0),
      `\`stopAfter\` is how many elements may halt, be in doubt or be given up before no more begin: from 1 to ${limits.elementsMax} (elementsMax), not ${quote(text.text)}`,
    );
  return Math.max(1, number);
};

const readAs = (attributes: Attributes, report: Report): string => {
  const text = textOfAttribute('as', attributes, report);
  if (text === undefined) return 'item';
  const problem = nameProblem(text.text);
  const isTaken = (roots as readonly string[]).includes(text.text) || text.text === 'index' || text.text === 'secrets';
  if (problem !== undefined) report(text.at(0), problem);
  else if (isTaken) report(text.at(0), `\`${text.text}\` has a meaning here already; call the element otherwise`);
  return text.text;
};

const onFailures = ['ask', 'undo', 'end'] as const;

const readOnFailure = (attributes: Attributes, stopAfter: number, report: Report): Pick<EachSection, 'onFailure'> => {
  const text = textOfAttribute('onFailure', attributes, report);
  const stops = attributes.get('stopAfter');
  if (stops !== undefined && stopAfter !== 1 && !attributes.has('onFailure'))
    report(
      stops.at,
      'with another `stopAfter` than 1 say what becomes of an element that fails: `onFailure=ask` (it halts, and a person decides), `onFailure=undo` (it takes itself back) or `onFailure=end` (it ends as it stands)',
    );
  if (text === undefined || text.text === '') return {};
  const found = onFailures.find((one) => one === text.text);
  if (found === undefined)
    report(
      text.at(0),
      `\`onFailure\` of a section is ${list(onFailures).replace(' and ', ' or ')}, not ${quote(text.text)}${suggest(text.text, onFailures)}`,
    );
  return found === undefined || found === 'ask' ? {} : { onFailure: found };
};

/** How elements are gone through, of a section and of a `run` cell. */
export const readOver = (attributes: Attributes, report: Report): Pick<EachSection, 'as' | 'max' | 'stopAfter'> => ({
  as: readAs(attributes, report),
  max: readMax(attributes, report),
  stopAfter: readStopAfter(attributes, report),
});

export const readEach = (attributes: Attributes, at: Position, report: Report): EachSection | null => {
  const over = textOfAttribute('each', attributes, report) ?? null;
  const isParallel = attributes.has('parallel');
  const read = {
    ...readOver(attributes, report),
    output: isParallel ? null : (textOfAttribute('output', attributes, report) ?? null),
  };
  const onFailure = readOnFailure(attributes, read.stopAfter, report);
  const onFailureAt = attributes.get('onFailure')?.at ?? at;
  return over === null && !isParallel ? null : { over, ...read, ...onFailure, onFailureAt };
};
