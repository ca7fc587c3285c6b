/** An engine process on a folder of its own: runs one script cell, which it holds by leases that are short. */

import { openDeps } from '../../src/cli/deps.ts';
import { localPlace } from '../../src/engine/index.ts';

export const lease = { ms: 6_000, everyMs: 1_000, overMs: 1_000 };

export const openLeased = async (dataDir: string) => {
  const deps = await openDeps(
    {
      store: { kind: 'embedded', dataDir },
      dataDir,
      setAsideDir: `${dataDir}/unrecorded`,
      allow: undefined,
      httpAllow: '',
      tasks: { folder: `${dataDir}/tasks`, where: 'tasks' },
      place: localPlace,
      cellsAs: undefined,
      deployment: { name: 'test', epoch: 0, takeoverGraceMs: 1_000 },
      debug: false,
    },
    { lease },
  );
  await deps.load();
  return deps;
};

export const by = { actor: 'alice', via: 'test', where: `host:${process.pid}` };
export const instanceId = 'long-1';

const main = async (dataDir: string, script: string): Promise<void> => {
  const { engine, close } = await openLeased(dataDir);
  const source = ['---', 'runbook: long', '---', '```sh { name=long timeout=5m }', script, '```', ''].join('\n');
  await engine.publish(source, by);
  await engine.start({ runbookId: 'long', params: {}, instanceId, by });
  await engine.advance(instanceId, { budgetMs: 60_000, by });
  close();
};

if (process.argv[1]?.endsWith('leaseProcess.ts')) await main(process.argv[2] ?? '', process.argv[3] ?? '');
