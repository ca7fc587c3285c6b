/** What the environment says of the store, as the command line reads it. */
import { expect, test } from 'vitest';
import { demoEnvironment, demoSettings, readSettings } from '../../src/cli/settings.ts';

const aws = { PAWL_STORE: 'aws' };
const local = { PAWL_DYNAMODB_ENDPOINT: 'http://127.0.0.1:8000' };

test('entries are appended by PutItem, or by INSERT where DynamoDB is asked for it', () => {
  expect(readSettings({}, aws).store).toEqual({ kind: 'aws', tables: 'pawl', appendOnly: 'put' });
  expect(readSettings({}, { ...aws, PAWL_APPEND_ONLY: 'insert' }).store).toMatchObject({ appendOnly: 'insert' });
  expect(readSettings({}, { ...local, PAWL_APPEND_ONLY: 'insert' }).store).toEqual({
    kind: 'endpoint',
    endpoint: 'http://127.0.0.1:8000',
    tables: 'pawl',
    appendOnly: 'insert',
  });
});

test('the embedded store knows no INSERT, and says so before anything is opened', () => {
  expect(() => readSettings({}, { PAWL_APPEND_ONLY: 'insert' })).toThrow(
    'PAWL_APPEND_ONLY is insert, which the embedded store does not know: unset it, or use DynamoDB.',
  );
  expect(readSettings({}, { PAWL_APPEND_ONLY: 'put' }).store).toMatchObject({ kind: 'embedded' });
});

test('groups are named by commas, in no more characters than a login keeps', () => {
  expect(readSettings({}, { PAWL_GROUPS: ' sre, ,dba' }).groups).toEqual(['sre', 'dba']);
  expect(readSettings({}, { PAWL_GROUPS: 'a'.repeat(1_000) }).groups).toHaveLength(1);
  expect(() => readSettings({}, { PAWL_GROUPS: 'a'.repeat(1_001) })).toThrow(
    'PAWL_GROUPS has 1001 characters; at most 1000 (groupsCharsMax): name only groups that an approval asks.',
  );
});

test('another way of appending is refused, by name', () => {
  expect(() => readSettings({}, { ...aws, PAWL_APPEND_ONLY: 'inset' })).toThrow(
    'PAWL_APPEND_ONLY is "inset"; it may be put or insert.',
  );
});

test('the demo is on an embedded store, whatever is set', () => {
  const settings = readSettings({}, { ...aws, PAWL_APPEND_ONLY: 'insert' });
  expect(demoSettings(settings, '').store.kind).toBe('embedded');
  process.env.PAWL_APPEND_ONLY = 'insert';
  expect(demoEnvironment('ada', '/data').PAWL_APPEND_ONLY).toBeUndefined();
  delete process.env.PAWL_APPEND_ONLY;
});
