/** From the path of a request to its operation, and from an operation to its path. */
import { type OperationName, operationNames, operations } from './routes.ts';

export type Found = { name: OperationName; pathParameters: Record<string, string> };

const decoded = (segment: string): string | undefined => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
};

const match = (path: string, pattern: string): Record<string, string> | undefined => {
  const given = path.split('/');
  const wanted = pattern.split('/');
  if (given.length !== wanted.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [at, name] of wanted.entries()) {
    const segment = given[at] ?? '';
    if (!name.startsWith('{')) {
      if (segment !== name) return undefined;
      continue;
    }
    const value = decoded(segment);
    if (value === undefined || value === '') return undefined;
    parameters[name.slice(1, -1)] = value;
  }
  return parameters;
};

/** The operation of a request, or the methods that its path has: none when there is no such path. */
export const findRoute = (method: string, path: string): Found | { allowed: string[] } => {
  const allowed: string[] = [];
  for (const name of operationNames) {
    const route = operations[name];
    const pathParameters = match(path, route.path);
    if (pathParameters === undefined) continue;
    if (route.method === method) return { name, pathParameters };
    allowed.push(route.method);
  }
  return { allowed };
};

/** The segments of an operation's path, as they are meant: not encoded yet. */
export const segmentsOf = (name: OperationName, parameters: Readonly<Record<string, unknown>>): string[] =>
  operations[name].path
    .slice(1)
    .split('/')
    .map((segment) => (segment.startsWith('{') ? String(parameters[segment.slice(1, -1)]) : segment));
