/** A service that has callers besides this one, and that goes away for a while. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { begin, type Ended, type Running, startService, until } from './support.ts';

/** The second cell begins when the test says so. */
const paced = `---
runbook: paced
params:
  file: { type: string }
---
\`\`\`sh { name=works timeout=30s }
echo "begun" >> "$PAWL_PARAM_FILE"
while [ ! -e "$PAWL_PARAM_FILE.go" ]; do sleep 0.05; done
\`\`\`
\`\`\`sh { name=after }
echo "after" >> "$PAWL_PARAM_FILE"
\`\`\`
`;
const asks = `---
runbook: asks
---
\`\`\`manual { name=look }
Look.
\`\`\`
\`\`\`sh { name=after }
echo after
\`\`\`
`;

let folder: string;
let service: ChildProcess;
let url: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pawl-away-'));
  await writeFile(join(folder, 'paced.md'), paced);
  await writeFile(join(folder, 'asks.md'), asks);
  ({ url, child: service } = await startService(folder, {}));
});
afterAll(async () => {
  service.disconnect();
  await once(service, 'exit');
  await rm(folder, { recursive: true, force: true });
});

const pawl = (args: string[], env: Record<string, string> = {}): Running =>
  begin(folder, args, { env: { PAWL_URL: url, ...env } });
const ended = (...args: string[]): Promise<Ended> => pawl(args).ended;
const lines = async (name: string): Promise<string[]> =>
  (await readFile(join(folder, name), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
const go = (name: string): Promise<void> => writeFile(join(folder, `${name}.go`), '');

describe('a run over a service', () => {
  test('follows a run that the schedule took, to its end, and does nothing twice', async () => {
    const param = `file=${join(folder, 'taken')}`;
    await ended('publish', 'paced.md');
    await ended('start', 'paced', '--instance', 'taken', '-p', param, '--drive', 'auto');
    await fetch(`${url}/tick`, { method: 'POST' });
    await until('the schedule to begin', async () => (await lines('taken')).length === 1);
    const run = pawl(['run', 'paced.md', '--instance', 'taken', '-p', param]);
    await until('it to follow', () => run.out().includes('following it'));
    expect(run.out()).toContain('works is being carried out for schedule (tick); following it\n');
    await go('taken');
    const { exit, out } = await run.ended;
    expect([exit, out.match(/following it/g)?.length]).toEqual([0, 1]);
    expect(out).toContain('Completed procedurally');
    expect(await lines('taken')).toEqual(['begun', 'after']);
  });

  test('follows the run of another caller', async () => {
    const args = ['run', 'paced.md', '--instance', 'shared', '-p', `file=${join(folder, 'shared')}`];
    const first = pawl(args, { PAWL_ACTOR: 'bob' });
    await until('bob to begin', async () => (await lines('shared')).length === 1);
    const second = pawl(args);
    await until('alice to follow', () => second.out().includes('is being carried out for bob'));
    await go('shared');
    expect([(await first.ended).exit, (await second.ended).exit]).toEqual([0, 0]);
    expect(await lines('shared')).toEqual(['begun', 'after']);
  });
});

/** Stands before the service, and can be gone as a service is that restarts: nothing listens, and who was connected is cut off. */
const createGate = async () => {
  const open = new Set<Socket>();
  let server: Server;
  let port = 0;
  const come = async (): Promise<void> => {
    server = createServer((socket) => {
      const upstream = connect(Number(new URL(url).port), '127.0.0.1');
      for (const one of [socket, upstream]) {
        open.add(one);
        one.on('error', () => {});
        one.on('close', () => {
          open.delete(one);
          socket.destroy();
          upstream.destroy();
        });
      }
      socket.pipe(upstream).pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  };
  const leave = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    for (const one of open) one.destroy();
    await closed;
  };
  await come();
  return { url: `http://127.0.0.1:${port}`, come, leave };
};

describe('run --wait', () => {
  test('outlasts a service that goes away while a person is waited for, and says so once', async () => {
    const gate = await createGate();
    const run = pawl(['run', 'asks.md', '--instance', 'parked', '--wait'], { PAWL_URL: gate.url });
    await until('it to wait', () => run.out().includes('Parked: look waits for a person'));
    await gate.leave();
    await until('it to find the service away', () => run.out().includes('the service does not answer'));
    expect((await ended('done', 'parked', 'look', '--note', 'looked')).exit).toBe(0);
    await gate.come();
    const { exit, out, err } = await run.ended;
    expect([exit, err, out.match(/the service does not answer/g)?.length]).toEqual([0, '', 1]);
    expect(out).toContain('Completed procedurally');
    await gate.leave();
  });

  test('outlasts a service that is cut off in the middle of a cell: the cell goes on there, and is followed', async () => {
    const gate = await createGate();
    const args = ['run', 'paced.md', '--instance', 'cut', '-p', `file=${join(folder, 'cut')}`, '--wait'];
    const run = pawl(args, { PAWL_URL: gate.url });
    await until('the cell to begin', async () => (await lines('cut')).length === 1);
    await gate.leave();
    await until('it to find the service away', () => run.out().includes('the service does not answer'));
    await gate.come();
    await until('it to follow', () => run.out().includes('works is being carried out for alice'));
    await go('cut');
    const { exit, err } = await run.ended;
    expect([exit, err]).toEqual([0, '']);
    expect(await lines('cut')).toEqual(['begun', 'after']);
    await gate.leave();
  });

  test('is left by Ctrl-C while the service is away', async () => {
    const gate = await createGate();
    const run = pawl(['run', 'asks.md', '--instance', 'left', '--wait'], { PAWL_URL: gate.url });
    await until('it to wait', () => run.out().includes('Parked: look waits for a person'));
    await gate.leave();
    await until('it to find the service away', () => run.out().includes('the service does not answer'));
    run.kill('SIGINT');
    const { exit, err } = await run.ended;
    expect([exit, err]).not.toEqual([0, '']);
    expect(err).not.toContain('defect');
  });
});

test('without --wait a service that goes away ends the command', async () => {
  const gate = await createGate();
  const run = pawl(['run', 'paced.md', '--instance', 'ends', '-p', `file=${join(folder, 'ends')}`], {
    PAWL_URL: gate.url,
  });
  await until('the cell to begin', async () => (await lines('ends')).length === 1);
  await gate.leave();
  const { exit, err } = await run.ended;
  expect([exit, err]).toEqual([4, expect.stringContaining('Whether it was done is not known')]);
  await go('ends');
});
