/**
 * The table service of a test run (vitest globalSetup). Nothing is started before a test asks for it, so a run of pure
 * tests stays quick; what was started is shared by all test files and is gone when vitest is, however it ends.
 *
 * DynamoDB is the best there is: an endpoint given by PAWL_DYNAMODB_ENDPOINT, else a container, else the jar of DynamoDB
 * Local. With PAWL_TEST_AWS=1 it is AWS itself, by the usual credentials and AWS_REGION: tests create tables on demand
 * there and delete them again. Where there is none, tests run on SQLite alone and say so; with CI=true that is an error.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { startContainer, startJar } from './servers.ts';

/** Without `endpoint`: AWS. `none`: there is no DynamoDB here. */
export type Service = { name: string; endpoint?: string; none?: true };
type Started = Service & { stop(): Promise<void> };

declare module 'vitest' {
  interface ProvidedContext {
    /** Asked for a `Service` as JSON; `dynamodb` in world.ts does. */
    services: string;
  }
}

const nothingToStop = async (): Promise<void> => {};

const startBest = async (): Promise<Started> => {
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
  if (process.env.CI === 'true') throw new Error(`No DynamoDB for the tests.\n${refusals.join('\n')}`);
  console.log(`No DynamoDB here, neither Docker nor Java: tests run on SQLite alone.\n${refusals.join('\n')}`);
  return { name: 'none', none: true, stop: nothingToStop };
};

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let started: Promise<Started> | undefined;
  const dynamodb = (): Promise<Started> => {
    started ??= startBest().then((service) => {
      if (service.none) return service;
      console.log(
        `[store] DynamoDB: ${service.name}${service.endpoint === undefined ? '' : ` at ${service.endpoint}`}`,
      );
      return service;
    });
    return started;
  };

  const server = createServer(async (_, response) => {
    try {
      const { stop: _stop, ...service } = await dynamodb();
      response.end(JSON.stringify(service));
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
    const service = await started?.catch(() => undefined);
    await service?.stop();
  };
}
