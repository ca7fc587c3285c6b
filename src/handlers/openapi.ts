/** The OpenAPI 3.1 document, made from the same table and schemas that validate. */
import * as z from 'zod';
import { type Answers, answersOf, namedAnswers } from '../contract/answering.ts';
import { type OperationName, operationNames, operations, type Route } from '../contract/index.ts';

type Json = Record<string, unknown>;
const refTo = (id: string): string => `#/components/schemas/${id}`;

const names = new Map<z.ZodType, string>(Object.entries(namedAnswers).map(([name, schema]) => [schema, name]));

/** `$id` and `$schema` of each are what OpenAPI says by the place a schema stands at. */
const components = (): Json => {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(namedAnswers)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: refTo, io: 'output' });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $id: _id, $schema: _schema, ...schema }]) => [id, schema]),
  );
};

const inputSchema = (schema: z.ZodType): Json => {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input' });
  return json;
};

const parametersOf = (where: 'path' | 'query', schema: z.ZodObject): Json[] => {
  const { properties = {}, required = [] } = inputSchema(schema) as { properties?: Json; required?: string[] };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
  }));
};

const bodyOf = ({ body }: Route): Json => {
  if (body === null) return {};
  if (body.media === 'text/markdown') {
    return { requestBody: { required: true, content: { 'text/markdown': { schema: { type: 'string' } } } } };
  }
  const content = { 'application/json': { schema: inputSchema(body.schema()) } };
  return { requestBody: { required: !body.optional, content } };
};

const refused = {
  description: 'Refused, or not possible now: RFC 9457, with a dotted `code`.',
  content: { 'application/problem+json': { schema: { $ref: refTo('Problem') } } },
};

const describe = (status: number): string =>
  ({ 200: 'Done.', 201: 'Created.', 202: 'It goes on; look at the Location.' })[status] ?? 'An answer.';

const responsesOf = (byStatus: Answers): Json => {
  const good = Object.entries(byStatus).map(([status, schema]) => {
    const name = names.get(schema);
    const json = { schema: name === undefined ? inputSchema(schema) : { $ref: refTo(name) } };
    return [status, { description: describe(Number(status)), content: { 'application/json': json } }] as const;
  });
  return { ...Object.fromEntries(good), default: refused };
};

const unchanged = { description: 'As it was: the answer has the `ETag` that was given.' };

const respondAsync = {
  name: 'Prefer',
  in: 'header',
  required: false,
  description: '`respond-async`: answer at once, and let it go on.',
  schema: { type: 'string' },
};

const ifNoneMatch = {
  name: 'If-None-Match',
  in: 'header',
  required: false,
  description: 'The `ETag` of the answer before: 304, without a body, while it would be the same but for `nowMs`.',
  schema: { type: 'string' },
};

const expectedActor = {
  name: 'X-Pawl-Expected-Actor',
  in: 'header',
  required: false,
  description:
    'Whom the caller takes itself for, percent-encoded: 409 `actor.other`, and nothing is done, where it is somebody else.',
  schema: { type: 'string' },
};

const operationOf = (name: OperationName): Json => {
  const route: Route = operations[name];
  const { permission } = route;
  const mayWait = name === 'advance' || name === 'run';
  return {
    operationId: name,
    summary: route.summary,
    ...(permission === null ? { security: [] } : { security: [{ iam: [] }, { jwt: [`pawl:${permission}`] }] }),
    parameters: [
      ...parametersOf('path', route.pathParameters()),
      ...parametersOf('query', route.query()),
      ...(mayWait ? [respondAsync] : []),
      ...(route.tagged ? [ifNoneMatch] : []),
      ...(route.method === 'GET' || permission === null ? [] : [expectedActor]),
    ],
    ...bodyOf(route),
    responses: { ...responsesOf(answersOf[name]), ...(route.tagged ? { 304: unchanged } : {}) },
  };
};

const make = () => {
  const paths: Record<string, Json> = {};
  for (const name of operationNames) {
    const { path, method } = operations[name];
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(name) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Pawl',
      version: '1',
      description: 'Operational runbooks whose steps never run twice without permission.',
    },
    paths,
    components: {
      schemas: components(),
      securitySchemes: {
        iam: { type: 'http', scheme: 'AWS4-HMAC-SHA256', description: 'SigV4; policies decide by route.' },
        jwt: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'Scopes pawl:read, pawl:operate …' },
      },
    },
  } as const;
};

let document: ReturnType<typeof make> | undefined;
export const openApi = (): ReturnType<typeof make> => {
  document ??= make();
  return document;
};
