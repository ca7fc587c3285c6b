/** What an operation is: it gets what its schemas have read, and answers what the contract says. */
import type { AnswerOf, InputOf, OperationName } from '../contract/index.ts';
import { limits } from '../engine/index.ts';
import type { ApiCall, OperationDeps } from './apiDeps.ts';

/** `page`: HTML for a person, in place of the body. */
type Answered<N extends OperationName> = AnswerOf<N> & { headers?: Record<string, string>; page?: string };

export type Operations = {
  [N in OperationName]: (deps: OperationDeps, input: InputOf<N>, call: ApiCall) => Promise<Answered<N>>;
};

/** How many of a page. */
export const limitOf = (query: { limit?: number }): number => query.limit ?? limits.pageMax;
