/**
 * Workers that are killed and frozen while they work, callers over HTTP and on the command line, a schedule, and an
 * operator who decides doubts by what the witness saw. Afterwards every journal is held against the witness.
 */

import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Entry } from '../../src/engine/index.ts';
import { createClient } from '../../src/store/dynamodb.ts';
import { createStore } from '../../src/store/index.ts';
import { createdTables } from '../support/createdTables.ts';
import { attemptsOf } from '../support/scene.ts';
import { aftermath, pidOf, readJournals, readNeverBegun, type Strike, type Told } from './aftermath.ts';
import { createDraw } from './draw.ts';

import { type Command, pawl, spawnWitness, spawnWorker, type WitnessProcess, type Worker } from './processes.ts';
import { type ChaosReport, instancesMinOf, lackingOf } from './report.ts';

/** The least that is possible: a holder is gone 2.6 s after its reservation. A stop lasts 2 to 5 s longer than that, and until its step is taken over. */
const graceMs = 1_000;
const timeoutMs = 600;
const goneAfterMs = timeoutMs + 1_000 + graceMs;
/** So long at most: how soon somebody takes a step over, the machine says. */
const takenOverWithinMs = 30_000;
/** As short as cells of 600 ms allow: whom a killed worker held is due again soon. */
const workMs = 30_000;
const workersCount = 4;
const instancesAtOnce = 16;

export type ChaosOptions = {
  endpoint: string;
  kills: number;
  stops: number;
  seed: number;
  tell?(line: string): void;
};
const policies = [
  '',
  'interrupted=retry retry=20',
  'interrupted=probe settle=1s',
  '',
  'interrupted=retry retry=20',
  '',
];
/** Of the cells by their numbers: what permits another attempt. A person may always. */
const permits = (cell: string): string[] => {
  const policy = policies[Number(cell.slice(1))] ?? '';
  return [
    'person',
    ...(policy.includes('retry') ? ['retry', 'interrupted'] : []),
    ...(policy.includes('probe') ? ['probe'] : []),
  ];
};

/** Cells of each policy in turn; the witness takes nearly as long as they are given. */
const documentOf = (url: string): string => {
  const cells = policies.map((policy, n) => {
    const effect = `\`\`\`http { name=c${n} timeout=${timeoutMs}ms ${policy} }\nPOST ${url}/effect\n\`\`\`\n`;
    const probe = `\`\`\`http { probe=c${n} done="output.status == 200" notDone="output.status == 404" timeout=500ms }\nGET ${url}/happened/{{ step.idempotencyKey }}\n\`\`\`\n`;
    return policy.includes('probe') ? effect + probe : effect;
  });
  return `---\nrunbook: chaos\ntitle: Cells that are cut off\n---\n${cells.join('')}`;
};

/** The key under which the step at `seq` was reserved. */
const keyAt = (entries: Entry[], seq: number): string | undefined =>
  attemptsOf(entries).find((attempt) => attempt.seq === seq)?.key;

type Answer = { status: number; body: Record<string, unknown> };

const createHarness = async (options: ChaosOptions, witness: WitnessProcess) => {
  const { endpoint, seed } = options;
  const draw = createDraw(seed);
  const prefix = `chaos-${seed}-${Date.now()}`;
  const { client, clock, document } = createClient({ tablesPrefix: prefix, endpoint });
  await createdTables(document, prefix);
  const store = createStore(client, { clock });
  const begun = new Set<string>();
  const spawnOne = () =>
    spawnWorker({ endpoint, prefix, graceMs, httpAllow: [witness.host], workMs }, (step) => begun.add(step));
  const workers = await Promise.all(Array.from({ length: workersCount }, spawnOne));
  return { begun, draw, prefix, close: () => document.destroy(), store, workers, spawnOne };
};

/** What was wrong cannot be looked at again: the tables are gone with the run. */
const keep = async (happened: object, seed: number, tell: (line: string) => void): Promise<void> => {
  const file = join(tmpdir(), `pawl-chaos-evidence-${seed}.json`);
  const plain = (_: string, value: unknown): unknown =>
    value instanceof Map || value instanceof Set ? [...value] : value;
  await writeFile(file, JSON.stringify(happened, plain));
  tell(`what was written, seen, told and struck is kept in ${file}`);
};

export const runChaos = async (options: ChaosOptions): Promise<ChaosReport> => {
  const { kills: killsWanted, stops: stopsWanted, seed, endpoint, tell = () => {} } = options;
  const beganMs = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'pawl-chaos-'));
  const commands = new Set<Command>();
  /** Also when we are ended half way: workers and witness see by themselves that we are gone. */
  const clear = (): void => {
    for (const { child } of commands) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  process.once('exit', clear);
  const witness = await spawnWitness(join(folder, 'seen.jsonl'));
  const { begun, draw, prefix, close, store, workers, spawnOne } = await createHarness(options, witness);
  const report = {
    kills: 0,
    killsInCell: 0,
    killsOfCommands: 0,
    stops: 0,
    verdicts: 0,
    exits: {} as Record<string, number>,
    defects: [] as string[],
  };
  const calls = { http: 0, cli: 0, ticks: 0 };
  const told: Told[] = [];
  const strikes: Strike[] = [];
  const killed = (pid: number | undefined): void =>
    void strikes.push({ pid: pid ?? -1, fromMs: Date.now(), untilMs: Number.POSITIVE_INFINITY });
  type Steps = { seq: number; status: string; recorded: boolean }[] | undefined;
  const note = (id: string, steps: Steps): void =>
    void told.push(...(steps ?? []).filter(({ recorded }) => recorded).map(({ seq, status }) => ({ id, seq, status })));
  const env = {
    HOME: folder,
    PAWL_DATA_DIR: join(folder, 'data'),
    PAWL_DYNAMODB_ENDPOINT: endpoint,
    PAWL_TABLES: prefix,
    PAWL_DEPLOYMENT: 'chaos',
    PAWL_TAKEOVER_GRACE_MS: String(graceMs),
    PAWL_HTTP_ALLOW: witness.host,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  };

  /** By any worker that does not stand still; `undefined`: it died, or was stopped, before it answered. */
  const ask = async (method: string, path: string, body?: unknown): Promise<Answer | undefined> => {
    const { url } = draw.pick(workers.filter(({ frozen }) => !frozen)) ?? {};
    if (url === undefined) return void (await wait(50));
    calls.http += 1;
    const media = typeof body === 'string' ? 'text/markdown' : 'application/json';
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { 'x-pawl-actor': 'chaos', ...(body === undefined ? {} : { 'content-type': media }) },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        signal: AbortSignal.timeout(goneAfterMs * 2),
      });
      const answer = { status: response.status, body: (await response.json()) as Record<string, unknown> };
      // Nothing is away but workers, and those do not answer.
      if (answer.status >= 500 && answer.status !== 503)
        report.defects.push(`${method} ${path}: ${JSON.stringify(answer)}`);
      return answer;
    } catch {
      return undefined;
    }
  };
  const surely = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    for (;;) {
      const answer = await ask(method, path, body);
      if (answer !== undefined && answer.status < 500) return answer;
      await wait(100);
    }
  };

  const document = documentOf(witness.url);
  const published = await surely('PUT', '/runbooks/chaos', document);
  // 200: asked again, since the answer to the first time was not waited for any longer.
  if (published.status >= 300) throw new Error(JSON.stringify(published.body));
  const ids: string[] = [];
  const unfinished = new Set<string>();
  let breaking = true;
  let over = false;

  // Nobody asks for one that is not there yet.
  let starting = 0;
  const startOne = async (): Promise<void> => {
    const instanceId = `i${ids.length}`;
    ids.push(instanceId);
    starting += 1;
    await surely('POST', '/runbooks/chaos/instances', { instanceId, drive: 'auto' });
    unfinished.add(instanceId);
    starting -= 1;
  };

  /** Pushes instances on, over HTTP; what completed makes room for another. */
  const pusher = async (): Promise<void> => {
    while (!over) {
      if (breaking && unfinished.size + starting < instancesAtOnce) await startOne();
      const id = draw.pick([...unfinished]);
      if (id === undefined) {
        await wait(50);
        continue;
      }
      const answer = await ask('POST', `/instances/${id}/run`, {});
      note(id, answer?.body.steps as Steps);
      if (answer?.body.result === 'completed') unfinished.delete(id);
      await wait(draw.int(120));
    }
  };
  /** The same on the command line: a process for each call, which may be killed as well. */
  const commander = async (): Promise<void> => {
    while (!over) {
      const id = draw.pick([...unfinished]);
      if (id === undefined) {
        await wait(50);
        continue;
      }
      calls.cli += 1;
      const command = pawl({ ...env, PAWL_ACTOR: 'commander' }, ['advance', id, '--max-cells', 'all']);
      commands.add(command);
      const { exit, out } = await command.ended;
      if (exit !== null && out !== '') note(id, (JSON.parse(out) as { steps?: Steps }).steps);
      report.exits[String(exit)] = (report.exits[String(exit)] ?? 0) + 1;
      commands.delete(command);
      await wait(50);
    }
  };
  const schedule = async (): Promise<void> => {
    while (!over) {
      calls.ticks += 1;
      await ask('POST', '/tick');
      await wait(700);
    }
  };
  /** Looks at what is in doubt, asks the witness, decides: what it saw happened, what it did not may be tried again. */
  const operator = async (): Promise<void> => {
    while (!over) {
      const list = await ask('GET', '/instances?status=in_doubt&limit=20');
      const views = (list?.body.views ?? []) as { instanceId: string }[];
      for (const { instanceId } of views) {
        const entries = (await store.journal.page(instanceId, -1, 1_000)).map(({ entry }) => entry);
        const { open, halted } = entries.at(-1)?.state ?? {};
        const seq = open?.kind === 'reserved' ? open.seq : halted?.doubt === true ? halted.seq : undefined;
        if (seq === undefined) continue;
        const key = keyAt(entries, seq);
        const happened = witness.seen().some((one) => one.what === 'effect' && one.key === key);
        const verdict = happened ? 'succeeded' : 'retry';
        const reason = happened ? 'the witness saw it' : 'the witness saw nothing of it';
        const said = await ask('POST', `/instances/${instanceId}/verdict`, { seq, verdict, reason });
        if (said?.status === 200) report.verdicts += 1;
      }
      // Who stood still between the beginning of a body and its connection knows that nothing was sent: failed, and no doubt.
      const halted = await ask('GET', '/instances?status=halted&limit=20');
      for (const { instanceId } of (halted?.body.views ?? []) as { instanceId: string }[]) {
        const newest = (await store.journal.head(instanceId))?.entry;
        const at = newest?.state.halted;
        if (newest?.kind !== 'outcome' || newest.error?.code !== 'http.unreachable' || at == null) continue;
        const body = { seq: at.seq, verdict: 'retry', reason: 'it never had a connection' };
        const said = await ask('POST', `/instances/${instanceId}/verdict`, body);
        if (said?.status === 200) report.verdicts += 1;
      }
      await wait(300);
    }
  };

  const replace = async (worker: Worker): Promise<void> => {
    workers[workers.indexOf(worker)] = await spawnOne();
  };
  const isEnough = (): boolean => {
    if (report.kills < killsWanted || ids.length < instancesMinOf(killsWanted)) return false;
    const beginsOfCommands = witness.seen().filter(({ what, seq }) => what === 'begin' && seq === null).length;
    return lackingOf({ told: told.length, exits: report.exits, beginsOfCommands, calls }, killsWanted).length === 0;
  };
  /** A third of the kills at least waits for a body to run; commands are killed too. */
  const killer = async (): Promise<void> => {
    while (!isEnough()) {
      const inCell = report.killsInCell < report.kills * 0.45;
      const alive = workers.filter(({ dead, frozen }) => !dead && !frozen);
      const [command] = commands;
      if (!inCell && command !== undefined && draw.chance(0.2)) {
        killed(command.child.pid);
        command.child.kill('SIGKILL');
        report.kills += 1;
        report.killsOfCommands += 1;
      } else {
        const victims = inCell ? alive.filter(({ running }) => running > 0) : alive;
        const victim = draw.pick(victims);
        if (victim !== undefined && alive.length > 1) {
          report.kills += 1;
          if (victim.running > 0) report.killsInCell += 1;
          killed(victim.pid);
          victim.kill();
          await replace(victim);
          if (report.kills % 50 === 0)
            tell(
              `${report.kills} kills, ${report.stops} stops, ${ids.length - unfinished.size} of ${ids.length} instances completed`,
            );
        }
      }
      await wait(draw.int(inCell ? 60 : 160));
    }
  };
  /** The instances that stand at a step which a process holds. */
  const heldBy = async (pid: number): Promise<string[]> => {
    const heads = await Promise.all([...unfinished].map((id) => store.journal.head(id)));
    return heads.flatMap((head) =>
      head?.entry.kind === 'reserved' && pidOf(head.entry) === pid ? [head.entry.instanceId] : [],
    );
  };
  /** Longer than a deadline and the grace after it: whoever thaws finds its step taken for doubtful, or closed. */
  const stopper = async (): Promise<void> => {
    while (report.stops < stopsWanted) {
      // Never again in the cell in which it was frozen before: that would be one stop, and not two.
      const mayFreeze = ({ dead, frozen, thawing, running }: Worker) => !dead && !frozen && !thawing && running > 0;
      const victim = draw.pick(workers.filter(mayFreeze));
      // Anywhere in the cell, and mostly after its request has left.
      await wait(10 + draw.int(200));
      if (victim === undefined || !mayFreeze(victim)) continue;
      const strike = { pid: victim.pid, fromMs: Date.now(), untilMs: Date.now() };
      await victim.freeze().catch(() => undefined);
      if (victim.dead) continue;
      report.stops += 1;
      const held = await heldBy(victim.pid);
      await wait(goneAfterMs + 2_000 + draw.int(3_000));
      const giveUpAtMs = performance.now() + takenOverWithinMs;
      while (held.length > 0 && (await heldBy(victim.pid)).length === held.length && performance.now() < giveUpAtMs)
        await wait(200);
      strikes.push({ ...strike, untilMs: Date.now() });
      victim.thaw();
    }
  };

  const working = [pusher(), pusher(), pusher(), pusher(), commander(), schedule(), operator()];
  await Promise.all([killer(), stopper(), stopper()]);
  breaking = false;
  tell(`${report.kills} kills and ${report.stops} stops are over; ${unfinished.size} instances are to be finished`);
  const endMs = performance.now() + 300_000;
  while (unfinished.size + starting > 0 && performance.now() < endMs) {
    for (const id of [...unfinished]) {
      const view = await store.views.get(id);
      if (view?.status === 'completed') unfinished.delete(id);
    }
    await wait(100);
  }
  over = true;
  await Promise.all(working);
  for (const worker of workers) worker.kill();

  const seen = witness.seen();
  const journals = await readJournals(store, ids);
  const neverBegun = await readNeverBegun(store, ids);
  const cells = policies.map((_, n) => `c${n}`);
  const happened = { journals, seen, strikes, told, neverBegun, begun, cells };
  const left = aftermath({ ...happened, permits });
  if (left.wrong.length > 0) await keep(happened, seed, tell);
  await witness.stop();
  close();
  clear();
  process.off('exit', clear);
  return {
    ...left,
    ...report,
    told: told.length,
    seed,
    calls,
    instances: ids.length,
    ms: Math.round(performance.now() - beganMs),
  };
};
