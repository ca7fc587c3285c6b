/**
 * The defaults of a schema, said once: by them a body is completed, and what is as plain as they say is left out of what is
 * stored (1 KB is a write unit).
 */
import * as z from 'zod';

type Field = { name: string; default?: unknown; nested?: readonly Field[] };

const fieldsBySchema = new WeakMap<z.ZodObject, readonly Field[]>();

const fieldsOf = (schema: z.ZodObject): readonly Field[] => {
  const known = fieldsBySchema.get(schema);
  if (known !== undefined) return known;
  const fields = Object.entries(schema.shape).flatMap(([name, field]): Field[] => {
    if (field instanceof z.ZodDefault) return [{ name, default: field.def.defaultValue }];
    const inner = field instanceof z.ZodOptional ? field.unwrap() : field;
    return inner instanceof z.ZodObject ? [{ name, nested: fieldsOf(inner) }] : [];
  });
  fieldsBySchema.set(schema, fields);
  return fields;
};

/** What a value of the schema has where nothing else is said, of its own fields. */
export const defaultsOf = (schema: z.ZodObject): Record<string, unknown> =>
  Object.fromEntries(fieldsOf(schema).flatMap((field) => ('default' in field ? [[field.name, field.default]] : [])));

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

const strip = (fields: readonly Field[], value: object): object => {
  const stripped: Record<string, unknown> = { ...value };
  for (const field of fields) {
    const own = stripped[field.name];
    if (field.nested !== undefined) {
      if (own !== undefined) stripped[field.name] = strip(field.nested, own as object);
    } else if (own === field.default || (isEmpty(own) && isEmpty(field.default))) delete stripped[field.name];
  }
  return stripped;
};

/**
 * The value without what reading fills in again. Only the fields of the schema are looked at, never what is in them
 * (parameters, outputs).
 */
export const withoutDefaults = <S extends z.ZodObject>(schema: S, value: z.output<S>): object =>
  strip(fieldsOf(schema), value);
