/** The OpenAPI document is made from the table and the schemas that validate. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { operations, routes } from '../../src/contract/index.ts';
import { document } from './document.ts';

const refsIn = (value: unknown): string[] => {
  if (typeof value !== 'object' || value === null) return [];
  const own = '$ref' in value && typeof value.$ref === 'string' ? [value.$ref] : [];
  return [...own, ...Object.values(value).flatMap(refsIn)];
};

test('it is OpenAPI 3.1 and has every route, with a name of its own', () => {
  expect(document.openapi).toBe('3.1.1');
  const inDocument = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(inDocument.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
  expect(inDocument).toContain('POST /instances/{instanceId}/verdict');
  const ids = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map((operation) => (operation as unknown as { operationId: string }).operationId),
  );
  expect(ids.sort()).toEqual(Object.keys(operations).sort());
});

test('every reference leads somewhere, and every schema of it can be compiled', () => {
  const refs = refsIn(document);
  expect(refs.length).toBeGreaterThan(20);
  const names = refs.map((ref) => /^#\/components\/schemas\/(\w+)$/.exec(ref)?.[1]);
  for (const name of names) expect(Object.keys(document.components.schemas)).toContain(name);
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema({ ...document, $id: 'pawl' });
  for (const name of Object.keys(document.components.schemas))
    expect(() => ajv.compile({ $ref: `pawl#/components/schemas/${name}` })).not.toThrow();
});

test('parameters of the path are all there, and required', () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const operation of Object.values(methods)) {
      const { parameters } = operation as unknown as { parameters: { name: string; in: string; required: boolean }[] };
      const given = parameters.filter((each) => each.in === 'path');
      expect(given.map(({ name }) => name)).toEqual(wanted);
      expect(given.every(({ required }) => required)).toBe(true);
    }
  }
});

test('every route but /health and one-time links names the scope that it needs', () => {
  const open: string[] = [];
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const operation of Object.values(methods)) {
      const { security } = operation as unknown as { security: Record<string, string[]>[] };
      const scopes = security.flatMap((each) => each.jwt ?? []);
      if (scopes.length === 0) open.push(path);
      else expect(scopes[0]).toMatch(/^pawl:(read|operate|author|decide)$/);
    }
  }
  expect(open).toEqual(['/health', '/links/{secret}', '/links/{secret}']);
});
