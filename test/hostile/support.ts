/** Servers that misbehave, and cells that meet them, by the real executors under the real engine. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import { createExecute } from '../../src/cells/index.ts';
import type { CellResult } from '../../src/engine/index.ts';
import { type Ended, type TestOptions, testRunbook } from '../../src/testing/index.ts';
import { inputOf } from '../cells/cells.ts';

type Closable = { close(): unknown; closeAllConnections?(): void };
const open: Closable[] = [];
afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections?.();
    server.close();
  }
});

export const listen = async (server: Server): Promise<string> => {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};
export const serve = (answer: RequestListener): Promise<string> => listen(createServer(answer));

export type Called = {
  headers?: [string, string][];
  redirects?: number;
  allow?: string[];
  lookup?: (host: string) => Promise<string[]>;
};
export const get = (
  url: string,
  { headers = [], redirects = 0, allow = ['127.0.0.1'], lookup }: Called = {},
): Promise<CellResult> =>
  createExecute({ httpAllow: allow, ...(lookup === undefined ? {} : { lookup }) })(
    inputOf({ kind: 'http', method: 'GET', url, headers, body: null, redirects }, { timeoutMs: 60_000 }),
  );

export const js = (name: string, code: string, attributes = ''): string =>
  `\`\`\`js { name=${name} timeout=1m ${attributes} }\n${code}\n\`\`\`\n`;
export const documentOf = (cells: string, front = ''): string => `---\nrunbook: hostile\n${front}---\n${cells}`;

/** How one cell ended as the journal has it, after a whole run of the engine. */
export const endOf = async (cells: string, options: TestOptions = {}, front = ''): Promise<Ended> => {
  const { cells: tested } = await testRunbook(documentOf(cells, front), options);
  const ended = tested[0]?.ended;
  if (ended == null) throw new Error('it did not end');
  return ended;
};
