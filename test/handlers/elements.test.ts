/** GET /instances/{instanceId}/elements: the elements of a section that began, by the ids that they have, also once it is over. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openService, publish, type Service, start } from './support.ts';

const source = `---
runbook: hosts
title: Every host
defaults: { timeout: 2s }
---
# Every host

## Each of them { each="['a', 'b', 'c']" as=host max=1 name=each onFailure=end }

\`\`\`ts { name=step }
export default async () => 1;
\`\`\`

## After { when="true" name=after }

\`\`\`ts { name=last }
export default async () => 1;
\`\`\`
`;

let service: Service;
beforeAll(async () => {
  service = await openService();
  expect((await publish(service, source)).status).toBe(201);
});
afterAll(() => service?.world.drop());

const elementsOf = async (instanceId: string, query: string) =>
  (await service.ask({ path: `/instances/${instanceId}/elements`, query })).body;

test('each as it began last, those that ended too; none of what opened no section', async () => {
  await start(service, 'hosts', { instanceId: 'h' });
  const { execute } = service.cells;
  let failing = true;
  service.cells.execute = async (input) =>
    failing && input.step.instanceId.includes('.1')
      ? { status: 'failed', error: { code: 'cell.exit', message: 'no' } }
      : execute(input);
  await service.ask({ method: 'POST', path: '/instances/h/run' });
  // The third does not begin once one has failed.
  expect(await elementsOf('h', 'cell=each')).toEqual({
    elements: [
      { index: 0, item: 'a', instanceId: 'h~each.0', as: 'completed', begun: true },
      { index: 1, item: 'b', instanceId: 'h~each.1', as: 'failed', begun: true },
    ],
    next: null,
  });
  expect(await elementsOf('h', 'cell=last')).toEqual({ elements: [], next: null });
  expect(await elementsOf('h', 'cell=nothing')).toEqual({ elements: [], next: null });

  failing = false;
  const { body } = await service.ask({ path: '/instances/h' });
  const { seq } = body.undecided as { seq: number };
  const retry = { seq, verdict: 'retry', reason: 'again' };
  expect((await service.ask({ method: 'POST', path: '/instances/h/verdict', body: retry })).status).toBe(200);
  const { body: ran } = await service.ask({ method: 'POST', path: '/instances/h/run' });
  expect(ran.result).toBe('completed');
  const again = [
    { index: 0, item: 'a', instanceId: 'h~each.0', as: 'completed', begun: true },
    { index: 1, item: 'b', instanceId: 'h~each-2.1', as: 'completed', begun: true },
    { index: 2, item: 'c', instanceId: 'h~each-2.2', as: 'completed', begun: true },
  ];
  expect(await elementsOf('h', 'cell=each')).toEqual({ elements: again, next: null });
  expect(await elementsOf('h', 'cell=each&after=1')).toEqual({ elements: again.slice(2), next: null });
  for (const { instanceId } of again)
    expect((await service.ask({ path: `/instances/${instanceId}` })).status).toBe(200);
});

test('of a cell that runs another runbook once it is that run', async () => {
  const inner = '---\nrunbook: inner\ntitle: Inner\n---\n```ts { name=one }\nexport default async () => 1;\n```\n';
  const outer = '---\nrunbook: outer\ntitle: Outer\n---\n```run { name=sub }\nrunbook: inner\n```\n';
  for (const one of [inner, outer]) expect((await publish(service, one)).status).toBe(201);
  await start(service, 'outer', { instanceId: 'o' });
  await service.ask({ method: 'POST', path: '/instances/o/run' });
  expect(await elementsOf('o', 'cell=sub')).toEqual({
    elements: [{ index: 0, item: 'inner', instanceId: 'o~sub.0', as: 'completed', begun: true }],
    next: null,
  });
});

test('one that waits for a lock is among them, and is said not to have begun: it has no view yet', async () => {
  const one = '```ts { name=one }\nexport default async () => 1;\n```\n';
  const locked = `---\nrunbook: locked\ntitle: Locked\nconcurrency: door\n---\n${one}`;
  const outer = '---\nrunbook: outer_locked\ntitle: Outer\n---\n```run { name=sub }\nrunbook: locked\n```\n';
  for (const source of [locked, outer]) expect((await publish(service, source)).status).toBe(201);
  await start(service, 'locked', { instanceId: 'holder', drive: 'manual' });
  await start(service, 'outer_locked', { instanceId: 'ol' });
  await service.ask({ method: 'POST', path: '/instances/ol/run' });
  const waits = { index: 0, item: 'locked', instanceId: 'ol~sub.0', as: null };
  expect(await elementsOf('ol', 'cell=sub')).toEqual({ elements: [{ ...waits, begun: false }], next: null });
  expect((await service.ask({ path: '/instances/ol~sub.0' })).status).toBe(404);
});
