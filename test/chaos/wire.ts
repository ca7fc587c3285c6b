/**
 * A TCP proxy that breaks what goes through it. It reads whole HTTP/1.1 requests off a socket and decides for each what
 * becomes of it, so a fault falls on one request and not on whatever shares its connection.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

export const wireFaults = [
  'dropRequest',
  'dropAnswer',
  'silence',
  'delay',
  'duplicate',
  'resetAfterBytes',
  'answer400',
  'answer500',
  'throttle',
  'slowBody',
] as const;
export type WireFault = (typeof wireFaults)[number];

export type WireOptions = {
  port: number;
  /** What happens to the next request; `undefined`: it passes. */
  next(request: string): WireFault | undefined;
  /** What a service answers that refuses: the body of a 400, a 500, a throttle, and the status of the last. */
  refusals: Record<'answer400' | 'answer500' | 'throttle', { status: number; body: string }>;
  /** In [0, 1). */
  fraction(): number;
  /** How long a delayed request waits before it is carried out, and as long at most before its answer goes back. */
  delayMs(): number;
};
export type Wire = { host: string; counts: Record<WireFault, number>; close(): Promise<void> };

/** A header that marks the second copy of a request, so that its target can tell what the wire did. */
const duplicateHeader = 'x-duplicate';

const headEnd = Buffer.from('\r\n\r\n');

/** The first whole request in what has arrived, if there is one. Clients here always say how long a body is. */
const takeRequest = (arrived: Buffer): { request: Buffer; rest: Buffer } | undefined => {
  const at = arrived.indexOf(headEnd);
  if (at === -1) return undefined;
  const head = arrived.subarray(0, at).toString('latin1');
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  const end = at + headEnd.length + length;
  return arrived.length < end ? undefined : { request: arrived.subarray(0, end), rest: arrived.subarray(end) };
};

/** Sends a request over a connection of its own and reads the answer to its end. */
const carryOut = (port: number, request: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const closing = Buffer.from(
      request
        .toString('latin1')
        .replace(/\r\nconnection:[^\r]*/i, '')
        .replace('\r\n', '\r\nConnection: close\r\n'),
      'latin1',
    );
    const socket = connect(port, '127.0.0.1', () => socket.write(closing));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => resolve(Buffer.concat(chunks)));
    socket.on('error', reject);
  });

const answerOf = ({ status, body }: { status: number; body: string }): Buffer =>
  Buffer.from(
    `HTTP/1.1 ${status} X\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: ${Buffer.byteLength(body)}\r\nDate: ${new Date().toUTCString()}\r\n\r\n${body}`,
  );

/** The client may go on with its connection: what upstream closes, stays open here. */
const keepOpen = (answer: Buffer): Buffer =>
  Buffer.from(answer.toString('latin1').replace(/\r\nconnection: close/i, ''), 'latin1');

export const createWire = async ({ port, next, refusals, fraction, delayMs }: WireOptions): Promise<Wire> => {
  const counts = Object.fromEntries(wireFaults.map((fault) => [fault, 0])) as Record<WireFault, number>;
  const sockets = new Set<Socket>();

  const serve = async (socket: Socket, request: Buffer): Promise<void> => {
    const fault = next(request.toString('latin1'));
    if (fault !== undefined) counts[fault] += 1;
    const pass = async (): Promise<Buffer> => keepOpen(await carryOut(port, request));
    switch (fault) {
      case 'dropRequest':
        return void socket.destroy();
      // Not carried out, and the connection stands: whoever asked waits until its own patience ends.
      case 'silence':
        return;
      case 'dropAnswer':
        await pass();
        return void socket.destroy();
      case 'delay': {
        const ms = delayMs();
        await wait(ms);
        const answer = await pass();
        await wait(fraction() * ms);
        return void socket.write(answer);
      }
      case 'duplicate': {
        const answer = await pass();
        const marked = request.toString('latin1').replace('\r\n', `\r\n${duplicateHeader}: 1\r\n`);
        await carryOut(port, Buffer.from(marked, 'latin1'));
        return void socket.write(answer);
      }
      case 'resetAfterBytes': {
        const answer = await pass();
        socket.write(answer.subarray(0, Math.floor(fraction() * answer.length)));
        await wait(1);
        return void socket.resetAndDestroy();
      }
      case 'answer400':
      case 'answer500':
      case 'throttle':
        return void socket.write(answerOf(refusals[fault]));
      case 'slowBody': {
        const answer = await pass();
        const parts = 2 + Math.floor(fraction() * 4);
        for (let part = 0; part < parts; part += 1) {
          const [from, to] = [part, part + 1].map((one) => Math.floor((answer.length * one) / parts));
          socket.write(answer.subarray(from, to));
          await wait(20 + fraction() * 80);
        }
        return;
      }
      default:
        socket.write(await pass());
    }
  };

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    let arrived: Buffer = Buffer.alloc(0);
    let serving: Promise<void> = Promise.resolve();
    socket.on('data', (chunk) => {
      arrived = Buffer.concat([arrived, chunk]);
      for (let taken = takeRequest(arrived); taken !== undefined; taken = takeRequest(arrived)) {
        const { request } = taken;
        arrived = taken.rest;
        // In the order in which they came, as on any connection; upstream that is away cuts it.
        serving = serving.then(() => serve(socket, request)).catch(() => void socket.destroy());
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
