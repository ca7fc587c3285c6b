/** `aws` cells that invoke functions of a running `npm run dev`, by the endpoint of serverless-offline for Lambda. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { createExecute, parseAwsAllow } from '../../src/cells/index.ts';
import { createEngine, type Entry } from '../../src/engine/index.ts';
import { portsOn } from '../support/engine.ts';
import { alice } from '../support/scene.ts';
import { freshStore } from '../support/world.ts';
import { type Dev, journalOf, newDataDir, removeDataDir, startDev, stopDev, token } from './support.ts';

let dataDir: string;
let dev: Dev;
beforeAll(async () => {
  dataDir = await newDataDir();
  dev = await startDev(dataDir, { PAWL_ALLOW: '{"aws": ["lambda:Invoke"]}' });
});
afterAll(async () => {
  await stopDev(dev);
  await removeDataDir(dataDir);
});
beforeEach(() => {
  for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_ENDPOINT_URL']) vi.stubEnv(name, undefined);
  // Its port asks for the token as the id of a key.
  vi.stubEnv('AWS_ACCESS_KEY_ID', token);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', dev.lambdaUrl);
});
afterEach(() => vi.unstubAllEnvs());

/** `audit` answers how many of the records were altered, and breaks off where there are none to read. */
const invoke = (attributes: string, payload: string, name = 'audit'): string => `---
runbook: asks
---
\`\`\`aws { name=ask service=lambda action=Invoke timeout=20s ${attributes} }
FunctionName: pawl-local-${name}
Payload: ${payload}
\`\`\`
\`\`\`js { name=after interrupted=retry }
export default () => 'came to it';
\`\`\`
`;

type Ran = { result: string; status: string | undefined; output: unknown; error: unknown; entries: Entry[] };
const run = async (source: string): Promise<Ran> => {
  const { store } = await freshStore('sqlite');
  const aws = parseAwsAllow({ aws: ['lambda:Invoke'] });
  const engine = createEngine(portsOn(store, { authoring, execute: createExecute({ aws }) }));
  await engine.publish(source, alice);
  const { view } = await engine.start({ runbookId: 'asks', params: {}, by: alice });
  const { result } = await engine.run(view.instanceId, { budgetMs: 60_000, by: alice });
  const entries = (await store.journal.page(view.instanceId, -1, 100)).map(({ entry }) => entry);
  const outcome = entries.find((entry) => entry.kind === 'outcome' && entry.cell === 'ask');
  if (outcome?.kind !== 'outcome') return { result, status: undefined, output: null, error: null, entries };
  const output = outcome.output?.kind === 'inline' ? JSON.parse(outcome.output.text) : null;
  return { result, status: outcome.status, output, error: outcome.error, entries };
};
const altered =
  '{ Records: [{ eventName: MODIFY, eventSourceARN: "arn:aws:dynamodb:us-east-1:1:table/t/stream/1", dynamodb: { Keys: { id: { S: a } } } }] }';

describe('a function that is invoked', () => {
  it('gets the payload as JSON, and what it answers is the output', async () => {
    const ran = await run(invoke('', altered));
    expect(ran).toMatchObject({ result: 'completed', status: 'completed' });
    expect(ran.output).toMatchObject({ StatusCode: 200, Payload: { altered: 1 } });
  });

  it('and breaks off leaves it in doubt: nothing is asked again, and nothing goes on', async () => {
    const ran = await run(invoke('retry=2', '{ Records: none }'));
    expect(ran).toMatchObject({ result: 'in_doubt', status: 'unknown', error: { code: 'aws.function' } });
    expect(ran.output).toMatchObject({ FunctionError: 'Unhandled', Payload: { errorType: expect.any(String) } });
    expect(ran.entries.filter(({ kind }) => kind === 'outcome')).toHaveLength(1);
  });

  it('and breaks off has failed where its author knows better: failedOn', async () => {
    const ran = await run(invoke('failedOn=Unhandled', '{ Records: none }'));
    expect(ran).toMatchObject({ result: 'halted', status: 'failed', error: { code: 'aws.function' } });
  });

  it('and is not there has failed: the request was not accepted', async () => {
    const ran = await run(invoke('', altered, 'nobody'));
    expect(ran).toMatchObject({ result: 'halted', status: 'failed', error: { code: 'aws.refused' } });
    expect(ran.output).toMatchObject({ error: { code: 'ResourceNotFoundException', status: 404 } });
  });

  it('asynchronously is accepted, and answers nothing', async () => {
    const asynchronous = invoke('', altered).replace('Payload:', 'InvocationType: Event\nPayload:');
    const ran = await run(asynchronous);
    expect(ran).toMatchObject({ result: 'completed', status: 'completed', output: { StatusCode: 202 } });
  });

  it('by the service itself, whose cells have what PAWL_ALLOW says: the same', async () => {
    for (const [name, payload, status] of [
      ['itself', altered, 'completed'],
      ['itself_broken', '{ Records: none }', 'unknown'],
    ]) {
      const source = invoke('', payload ?? '').replace('runbook: asks', `runbook: ${name}`);
      expect((await dev.publish(source)).status).toBe(201);
      const id = await dev.start(name ?? '');
      await dev.ask('POST', `/instances/${id}/run`);
      expect(await journalOf(dev, id)).toContainEqual(expect.stringMatching(`^outcome ask ${status}`));
    }
  });

  it('and may not be asked for where the place does not say so: nothing is sent', async () => {
    const source = invoke('', altered)
      .replace('runbook: asks', 'runbook: others')
      .replace('action=Invoke', 'action=GetFunction')
      .replace(/^Payload.*\n/m, '');
    expect((await dev.publish(source)).status).toBe(201);
    const id = await dev.start('others');
    const { body } = await dev.ask('POST', `/instances/${id}/run`);
    expect(JSON.stringify(body)).toContain('lambda:GetFunction is not allowed');
  });
});
