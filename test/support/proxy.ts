/** A proxy in front of a DynamoDB endpoint that decides for each request what becomes of it and of its answer. */
import { createServer, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** One request as it arrived. */
export type Asked = {
  /** `PutItem`, `ExecuteStatement`, `GetItem`, `Query`, `UpdateItem` … */
  target: string;
  /** `journal`, `views` … */
  table: string;
  /** Kind of the entry that a put or an INSERT would write. */
  kind: string | undefined;
  body: string;
  headers: IncomingHttpHeaders;
  /** Whether its connection has carried a request before. */
  reused: boolean;
};

export type Fate =
  | 'pass'
  /** Carried out; the connection is cut before the answer. */
  | 'loseAnswer'
  /** Not carried out; the connection is cut. */
  | 'loseRequest'
  /** Not carried out; the connection is reset, as by a peer that has forgotten it. */
  | 'reset'
  /** Not carried out, never answered. */
  | 'hang'
  /** Not carried out; the answer is a 400 of this name. */
  | { refuse: string; message?: string }
  /** Carried out at once, answered once this resolves. */
  | { answerAfter: Promise<unknown> }
  /** Carried out once this resolves, whether or not its sender is still there. */
  | { carryOutAfter: Promise<unknown> };

export type Proxy = {
  endpoint: string;
  /** Asked for every request before it is carried out. What it awaits, the request awaits. */
  fate(decide: (asked: Asked) => Fate | Promise<Fate>): void;
  /** Asked for every request once its answer is here; `true` drops it. */
  dropWhen(decide: (target: string, body: string, kind: string | undefined) => boolean): void;
  dropped: string[];
  /** Every request so far, in order of arrival. */
  asked: Asked[];
  /** Requests that arrived and were not answered, and whose connection still stands. */
  open(): number;
  /** Cuts every connection as it is: those kept alive, and those in the middle of a request. */
  cutConnections(): void;
  /** The store is away: every connection is cut before a request is carried out. */
  refuse(away: boolean): void;
  close(): Promise<void>;
};

const read = async (stream: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const kindOf = (target: string, body: string): string | undefined => {
  if (target === 'PutItem') return /"kind":\{"S":"([a-z]+)"\}/.exec(body)?.[1];
  if (target !== 'ExecuteStatement') return undefined;
  const { Statement, Parameters } = JSON.parse(body) as { Statement: string; Parameters: { S?: string }[] };
  const names = [...Statement.matchAll(/'(\w+)': \?/g)].map((match) => match[1]);
  return Parameters[names.indexOf('kind')]?.S;
};

export const createProxy = async (endpoint: string): Promise<Proxy> => {
  let drop = (_target: string, _body: string, _kind: string | undefined): boolean => false;
  let decide: (asked: Asked) => Fate | Promise<Fate> = () => 'pass';
  const dropped: string[] = [];
  const asked: Asked[] = [];
  const connections = new Set<Socket>();
  const used = new WeakSet<Socket>();
  let open = 0;
  let away = false;

  const server = createServer(async (incoming, outgoing) => {
    const { socket } = incoming;
    if (away) return void socket.destroy();
    const reused = used.has(socket);
    used.add(socket);
    open += 1;
    outgoing.once('close', () => {
      open -= 1;
    });
    const content = await read(incoming).catch(() => undefined);
    if (content === undefined) return;
    const body = content.toString();
    const target = String(incoming.headers['x-amz-target']).split('.').at(-1) ?? '';
    const request: Asked = {
      target,
      table: /"(?:(?:TableName|RequestItems)":\{?"|Statement":"INSERT INTO \\")[^"\\]*-([a-z]+)/.exec(body)?.[1] ?? '',
      kind: kindOf(target, body),
      body,
      headers: incoming.headers,
      reused,
    };
    asked.push(request);
    const fate = await decide(request);
    if (fate === 'hang') return;
    if (fate === 'loseRequest') return void socket.destroy();
    if (fate === 'reset') return void socket.resetAndDestroy();
    if (typeof fate === 'object' && 'refuse' in fate) {
      const type = `com.amazonaws.dynamodb.v20120810#${fate.refuse}`;
      outgoing.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
      outgoing.end(JSON.stringify({ __type: type, message: fate.message ?? `${fate.refuse} (made by the test)` }));
      return;
    }
    if (typeof fate === 'object' && 'carryOutAfter' in fate) await fate.carryOutAfter;
    const upstream = httpRequest(endpoint, { method: incoming.method, headers: incoming.headers }, async (answer) => {
      const said = await read(answer);
      if (typeof fate === 'object' && 'answerAfter' in fate) await fate.answerAfter;
      if (fate === 'loseAnswer' || drop(target, body, request.kind)) {
        dropped.push(target);
        socket.destroy();
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      outgoing.end(said);
    });
    upstream.on('error', () => socket.destroy());
    upstream.end(content);
  });
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => connections.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fate: (next) => {
      decide = next;
    },
    dropWhen: (next) => {
      drop = next;
    },
    dropped,
    asked,
    open: () => open,
    cutConnections: () => {
      for (const socket of connections) socket.resetAndDestroy();
    },
    refuse: (now) => {
      away = now;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
};
