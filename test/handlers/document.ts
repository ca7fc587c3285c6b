/** The OpenAPI document as a judge: what an answer has to look like, by route and status. */
import { strict as assert } from 'node:assert';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { type OperationName, operations } from '../../src/contract/index.ts';
import { openApi } from '../../src/handlers/openapi.ts';
import type { Answered } from './support.ts';

// As a client has it: through JSON.
export const document = JSON.parse(JSON.stringify(openApi())) as {
  openapi: string;
  paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
  components: { schemas: Record<string, unknown> };
};

const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addSchema({ ...document, $id: 'pawl' });

const pointer = (text: string): string => encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));
const validators = new Map<string, ValidateFunction>();

const schemaAt = (name: OperationName, response: string, media: string): ValidateFunction => {
  const { path, method } = operations[name];
  const place = ['paths', path, method.toLowerCase(), 'responses', response, 'content', media, 'schema'];
  const ref = `pawl#/${place.map(pointer).join('/')}`;
  const validate = validators.get(ref) ?? ajv.compile({ $ref: ref });
  validators.set(ref, validate);
  return validate;
};

const judge = (validate: ValidateFunction, body: unknown): void => {
  assert(validate(body), `${JSON.stringify(validate.errors?.slice(0, 3))} in ${JSON.stringify(body).slice(0, 600)}`);
};

/** @throws when the answer is not one that the document promises */
export const assertDocumented = (name: OperationName, { status, headers, body }: Answered): void => {
  if (status < 400) {
    assert.equal(headers['content-type'], 'application/json');
    judge(schemaAt(name, String(status), 'application/json'), body);
    return;
  }
  assert.equal(headers['content-type'], 'application/problem+json');
  judge(schemaAt(name, 'default', 'application/problem+json'), body);
  assert.equal(body.status, status);
};
