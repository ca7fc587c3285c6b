/** `audit`: whatever alters an append-only table is told, by table and key, and never with what was in it. */
import { expect, test } from 'vitest';
import { createAudit } from '../../src/handlers/audit.ts';
import { contextOf, metricsIn, written } from './support.ts';

const audit = createAudit((telemetry) => ({ telemetry }));
const record = (eventName: string, over: object = {}) => ({
  eventID: 'e-1',
  eventName,
  eventSource: 'aws:dynamodb',
  eventSourceARN: 'arn:aws:dynamodb:us-east-1:123456789012:table/pawl-dev-journal/stream/2026-01-01T00:00:00.000',
  userIdentity: null,
  dynamodb: {
    Keys: { instanceId: { S: 'deploy-7' }, seq: { N: '4' } },
    OldImage: { entry: { S: 'hunter2' } },
    NewImage: { entry: { S: 'hunter3' } },
    StreamViewType: 'NEW_AND_OLD_IMAGES',
  },
  ...over,
});
const told = () => written.lines.filter(({ message }) => message === 'journal altered');

test('an alteration is an error in the log, with table, key and who did it, and counts', async () => {
  const answer = await audit(
    { Records: [record('MODIFY'), record('REMOVE', { userIdentity: { principalId: 'p', type: 'Service' } })] },
    contextOf(),
  );
  expect(answer).toEqual({ altered: 2 });
  expect(told()).toMatchObject([
    {
      level: 'ERROR',
      eventName: 'MODIFY',
      table: 'pawl-dev-journal',
      instanceId: 'deploy-7',
      seq: 4,
      key: { instanceId: 'deploy-7', seq: '4' },
      eventID: 'e-1',
    },
    { level: 'ERROR', eventName: 'REMOVE', principal: 'p' },
  ]);
  expect(metricsIn(written.lines, 'JournalAltered')).toEqual([{ value: 2 }]);
  expect(written.text).not.toMatch(/hunter/);
});

test('other tables have other keys', async () => {
  const eventSourceARN = 'arn:aws:dynamodb:us-east-1:123456789012:table/pawl-dev-runbooks/stream/x';
  const dynamodb = { Keys: { runbookId: { S: 'deploy' }, version: { N: '2' } } };
  await audit({ Records: [record('MODIFY', { eventSourceARN, dynamodb })] }, contextOf());
  expect(told()).toMatchObject([{ table: 'pawl-dev-runbooks', key: { runbookId: 'deploy', version: '2' } }]);
});

test('entries that are added are none', async () => {
  expect(await audit({ Records: [record('INSERT')] }, contextOf())).toEqual({ altered: 0 });
  expect(told()).toEqual([]);
  expect(metricsIn(written.lines, 'JournalAltered')).toEqual([{ value: 0 }]);
});

test.each([
  ['nothing', null],
  ['no records', {}],
  ['an event it does not know', { Records: [record('TRUNCATE')] }],
])('%s fails the invocation, so that the queue for failures has it', async (_, event) => {
  await expect(audit(event, contextOf())).rejects.toMatchObject({ code: 'request.invalid' });
});
