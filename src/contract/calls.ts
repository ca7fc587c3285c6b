/** The types of a call, by the name of its operation. They follow from the tables of routes and answers and are stated nowhere else. */
import type * as z from 'zod';
import type { answersOf } from './answering.ts';
import type { OperationName, operations } from './routes.ts';

type Routes = typeof operations;
type Answers = typeof answersOf;
type SchemaOf<R extends Routes[OperationName]> = R['body'] extends { schema: () => infer S extends z.ZodType }
  ? S
  : undefined;

/** What an operation gets, once its schemas have read it. */
export type InputOf<N extends OperationName> = {
  path: z.output<ReturnType<Routes[N]['pathParameters']>>;
  query: z.output<ReturnType<Routes[N]['query']>>;
  body: SchemaOf<Routes[N]> extends z.ZodType
    ? z.output<SchemaOf<Routes[N]>>
    : Routes[N]['body'] extends null
      ? null
      : string;
};

/** What is left out may be said to be undefined. */
type Loose<T> = { [K in keyof T]: Pick<T, K> extends Required<Pick<T, K>> ? T[K] : T[K] | undefined };
type Part<K extends string, T> = string extends keyof T
  ? { [P in K]?: never }
  : Partial<T> extends T
    ? { [P in K]?: Loose<T> }
    : { [P in K]: Loose<T> };
type Body<N extends OperationName> =
  SchemaOf<Routes[N]> extends z.ZodType
    ? Part<'body', z.input<SchemaOf<Routes[N]>>>
    : Routes[N]['body'] extends null
      ? { body?: never }
      : { body: string };

/** What a caller gives. Numbers are numbers, wherever they are written. */
export type CallOf<N extends OperationName> = Part<'path', InputOf<N>['path']> &
  Part<'query', InputOf<N>['query']> &
  Body<N>;

/** What comes back, by status. */
export type AnswerOf<N extends OperationName> = {
  [S in keyof Answers[N] & number]: {
    status: S;
    body: Answers[N][S] extends z.ZodType ? z.output<Answers[N][S]> : never;
  };
}[keyof Answers[N] & number];
export type BodyOf<N extends OperationName> = AnswerOf<N>['body'];
