/** A connection for one request, which tells when it stands: until the handshake is over not a byte of the request has left. */
import { isIP, type Socket } from 'node:net';
import type { Agent } from 'undici';
import { limits } from '../engine/index.ts';

export type ConnectionTo = {
  hostname: string;
  /** Where to connect, if not to where the host's name leads. */
  address?: string;
  /** Ends the wait for a connection that does not come. */
  signal: AbortSignal;
  /** Called once it stands. */
  connected(): void;
  /** Of an answer; without it there is none. */
  answerBytesMax?: number;
};

/** Loaded by the first request: most commands send none. */
export const openConnection = async (to: ConnectionTo): Promise<Agent> => {
  const { Agent, buildConnector } = await import('undici');
  const { hostname, address, signal, connected, answerBytesMax = -1 } = to;
  // Its own time-out is longer than any cell's: `signal` ends it.
  const connector = buildConnector({ timeout: 2 * limits.remoteTimeoutMsMax });
  const name = isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? hostname : undefined;
  return new Agent({
    pipelining: 0,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: answerBytesMax,
    connect: (options, callback) => {
      const servername = options.servername ?? name;
      const stop = (): void => void socket?.destroy(new Error('stopped'));
      // It is returned, though the types do not say so; an agent waits for it when it is destroyed.
      const socket = connector(
        { ...options, hostname: address ?? options.hostname, ...(servername === undefined ? {} : { servername }) },
        (...answer) => {
          signal.removeEventListener('abort', stop);
          if (answer[0] === null) connected();
          callback(...answer);
        },
      ) as unknown as Socket | undefined;
      signal.addEventListener('abort', stop, { once: true });
    },
  });
};
