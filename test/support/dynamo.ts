/**
 * The table services of a test run (vitest globalSetup). Nothing is started before a test asks for it, so a run of pure
 * tests stays quick; what was started is shared by all test files and is gone when vitest is, however it ends.
 *
 * `dynamodb` is the best there is: an endpoint given by PAWL_DYNAMODB_ENDPOINT, else a container, else the jar of
 * DynamoDB Local, else dynalite. `dynalite` is always dynalite, in memory. With PAWL_TEST_AWS=1, `dynamodb` is AWS
 * itself, by the usual credentials and AWS_REGION: tests create tables on demand there and delete them again.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { startContainer, startDynalite, startJar } from './servers.ts';

export type ServiceKind = 'dynamodb' | 'dynalite';
/** Without `endpoint`: AWS. */
export type Service = { name: string; endpoint?: string };
type Started = Service & { stop(): Promise<void> };

declare module 'vitest' {
  interface ProvidedContext {
    /** Ask `<url>/<kind>` for a `Service` as JSON; `serviceOf` in world.ts does. */
    services: string;
  }
}

const nothingToStop = async (): Promise<void> => {};

const startBest = async (dynalite: () => Promise<Started>): Promise<Started> => {
  const given = process.env.PAWL_DYNAMODB_ENDPOINT;
  if (process.env.PAWL_TEST_AWS === '1') return { name: 'AWS', stop: nothingToStop };
  if (given !== undefined && given !== '') return { name: given, endpoint: given, stop: nothingToStop };
  const refusals: string[] = [];
  const attempts: [string, () => Promise<{ endpoint: string; stop(): Promise<void> }>][] = [
    ['amazon/dynamodb-local in a container', startContainer],
    ['the jar of DynamoDB Local', startJar],
  ];
  for (const [name, start] of attempts) {
    try {
      return { name, ...(await start()) };
    } catch (error) {
      refusals.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  // Dynalite lacks what the suite should see (ALL_OLD of a failed put, for one): no substitute where it counts.
  if (process.env.CI === 'true') throw new Error(`No DynamoDB for the tests.\n${refusals.join('\n')}`);
  console.log(`No DynamoDB Local, hence dynalite in its place.\n${refusals.join('\n')}`);
  const started = await dynalite();
  return { ...started, stop: nothingToStop };
};

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = new Map<ServiceKind, Promise<Started>>();
  const once = (kind: ServiceKind, start: () => Promise<Started>): Promise<Started> => {
    const running = started.get(kind);
    if (running !== undefined) return running;
    const promise = start().then((service) => {
      console.log(`[store] ${kind}: ${service.name}${service.endpoint === undefined ? '' : ` at ${service.endpoint}`}`);
      return service;
    });
    started.set(kind, promise);
    return promise;
  };
  const dynalite = () => once('dynalite', async () => ({ name: 'dynalite, in memory', ...(await startDynalite()) }));
  const dynamodb = () => once('dynamodb', () => startBest(dynalite));

  const server = createServer(async (request, response) => {
    try {
      const { name, endpoint } = await (request.url === '/dynalite' ? dynalite() : dynamodb());
      response.end(JSON.stringify({ name, endpoint }));
    } catch (error) {
      response.statusCode = 500;
      response.end(error instanceof Error ? error.message : String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // `unref`: never the reason why vitest does not end.
  server.unref();
  const { port } = server.address() as AddressInfo;
  project.provide('services', `http://127.0.0.1:${port}`);

  return async () => {
    server.close();
    server.closeAllConnections();
    const services = await Promise.allSettled(started.values());
    await Promise.all(services.map(async (each) => each.status === 'fulfilled' && (await each.value.stop())));
  };
}
