/** What is said of a route. */
import type * as z from 'zod';
import { limits } from '../../engine/model/index.ts';

/** Made when an operation is first called. */
type Made = () => z.ZodObject;

export const permissions = ['read', 'operate', 'author', 'decide'] as const;
export type Permission = (typeof permissions)[number];

/**
 * `optional`: a call without a body is one with an empty object. `form`: a page may send its fields instead. `asWritten`: a
 * field in which numbers stay as they are written; everywhere else one that would be kept as another is refused.
 */
type Body =
  | {
      media: 'application/json';
      schema: Made;
      bytesMax: number;
      optional: boolean;
      form?: boolean;
      asWritten?: string;
    }
  | { media: 'text/markdown'; bytesMax: number };

export type Route = {
  method: 'GET' | 'PUT' | 'POST';
  path: `/${string}`;
  /** `null`: no authentication. */
  permission: Permission | null;
  summary: string;
  pathParameters: Made;
  query: Made;
  body: Body | null;
  /** It is asked for again and again: an answer has an `ETag`, which `nowMs` does not change, and `If-None-Match` is answered by 304. */
  tagged?: true;
};

/** The body of a route in JSON. */
export const json = <S extends Made>(schema: S, optional = false, bytesMax: number = limits.bodyBytesMax) =>
  ({ media: 'application/json', schema, bytesMax, optional }) as const;
