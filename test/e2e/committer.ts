/**
 * A process that runs an instance whose task commits, and is killed: by itself, right before its commit is sent or right after it
 * landed, or by its parent while the task runs. Its argument is a `CommitterOptions` as JSON.
 */
import { authoringWith } from '../../src/authoring/index.ts';
import { createExecute, readTasks } from '../../src/cells/index.ts';
import { createEngine } from '../../src/engine/index.ts';
import { createClient } from '../../src/store/dynamodb.ts';
import { type AppendBy, createStore, type Operation, type StoreClient } from '../../src/store/index.ts';
import { openFile } from '../../src/store/local.ts';
import { portsOn } from '../support/engine.ts';

export type CommitterOptions = {
  store: { file: string } | { endpoint: string; prefix: string; appendOnly: AppendBy };
  tasks: string;
  instanceId: string;
  killed: 'before the commit' | 'after the commit' | 'by its parent' | 'never';
};

const { store, tasks, instanceId, killed }: CommitterOptions = JSON.parse(process.argv[2] ?? '');
const opened =
  'file' in store ? await openFile(store.file) : createClient({ tablesPrefix: store.prefix, endpoint: store.endpoint });
const die = (): void => {
  process.kill(process.pid, 'SIGKILL');
};
const client = {
  send: async (operation: Operation) => {
    if (operation.kind === 'commit' && killed === 'before the commit') die();
    const answer = await opened.client.send(operation);
    if (operation.kind === 'commit' && killed === 'after the commit') die();
    return answer;
  },
} as StoreClient;
const read = () => readTasks(tasks, 'tasks');
const engine = createEngine(
  portsOn(
    createStore(client, { clock: opened.clock, ...('appendOnly' in store ? { appendOnly: store.appendOnly } : {}) }),
    {
      authoring: authoringWith(await read()),
      execute: createExecute({ tasks: read }),
      deployment: { name: 'test', epoch: 0, takeoverGraceMs: 1_000 },
    },
  ),
);
const by = { actor: `committer-${process.pid}`, via: 'test', where: `host:${process.pid}` };
const { result } = await engine.run(instanceId, { budgetMs: 60_000, by });
process.stdout.write(result);
process.exit(0);
