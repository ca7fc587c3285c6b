/** What an operation refuses in a request, in the words of the command that was typed: its options, its ids. */
import { closed, isPawlError, PawlError } from '../engine/index.ts';

type Problem = { at: string; message: string };
const isProblem = (value: unknown): value is Problem =>
  typeof value === 'object' && value !== null && 'at' in value && 'message' in value;

const ids: Record<string, string> = {
  instanceId: 'the id of the instance',
  runbookId: 'the id of the runbook',
  claimId: 'the id of the claim',
  cell: 'the name of the cell',
  version: 'the version',
};

/** How `src/handlers/request.ts` begins a list of what a form does not take. */
const listing = 'The request cannot be taken: ';

/** `--expected-seq`. */
const optionOf = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

const problemText = ({ at, message }: Problem): string => {
  const [where, name = ''] = at.split('.');
  const what = where === 'path' ? (ids[name] ?? name) : optionOf(name);
  const bound = /^Too (big|small): expected .* to (?:be|have) [<>]=(\S+)( characters)?/.exec(message);
  if (bound === null) return `${what}${/^(is|wants|has) /.test(message) ? '' : ':'} ${message}`;
  return `${what} takes ${bound[1] === 'big' ? 'at most' : 'at least'} ${bound[2]}${bound[3] ?? ''}`;
};

/** @throws PawlError the same; where the form of the request was refused, by the names that a person typed */
export const inWordsOfCommand = async <T>(answer: Promise<T>): Promise<T> => {
  try {
    return await answer;
  } catch (error) {
    const problems = isPawlError(error) && error.code === 'request.invalid' ? error.details.problems : undefined;
    // One about the body alone is said by the place in it, which may be deep in what was given.
    if (!isPawlError(error) || !Array.isArray(problems) || !problems.every(isProblem)) throw error;
    // Another sentence says more than its problems do.
    if (!error.message.startsWith(listing)) throw error;
    if (problems.length === 0 || !problems.every(({ at }) => /^(path|query)\./.test(at))) throw error;
    const message = closed(`The command cannot be taken: ${problems.map(problemText).join('; ')}`);
    throw new PawlError(error.code, message, error.details, error);
  }
};
