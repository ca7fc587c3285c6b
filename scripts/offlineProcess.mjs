/**
 * Loaded into the process of `osls offline` before anything else (scripts/dev.ts). Plain JavaScript, for every worker
 * thread loads it too, and has no time to lose.
 */
import { Server } from 'node:http';
import { isMainThread } from 'node:worker_threads';

const loopback = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

/**
 * Whoever calls a function runs code on this machine, and a browser carries any page's requests to any port. A page of
 * somebody else says so in `Origin`; one that had its own name pointed to this machine says so in `Host`.
 * @param {import('node:http').IncomingHttpHeaders} headers
 */
const isForeign = ({ host = '', origin }) =>
  !loopback.test(host) || (origin !== undefined && origin !== `http://${host}`);

/**
 * Every request under way has a thread of its own, some 80 MB: without a limit a burst of callers takes all memory of a
 * laptop. Those beyond wait for their turn, as they do for a function with a reserved concurrency.
 */
const requestsAtOnceMax = 24;
let requestsNow = 0;
/** @type {(() => void)[]} */
const queue = [];
const next = () => {
  requestsNow -= 1;
  queue.shift()?.();
};

if (isMainThread) {
  // Dies with whoever started it, however that went: otherwise it would keep its ports.
  process.on('disconnect', () => process.exit());
  process.channel?.unref();

  const { emit } = Server.prototype;
  /**
   * @this {Server}
   * @param {string} name
   * @param {any[]} args
   */
  Server.prototype.emit = function (name, ...args) {
    const [request, response] = args;
    const go = () => Reflect.apply(emit, this, [name, ...args]);
    if (name !== 'request') return go();
    if (!isForeign(request.headers)) {
      const address = this.address();
      // Functions call one another by another port: a call that waits for a function never waits for its own turn.
      const isApi = typeof address === 'object' && address?.port === Number(process.env.PORT);
      if (!isApi) return go();
      const take = () => {
        requestsNow += 1;
        response.once('close', next);
        go();
      };
      if (requestsNow < requestsAtOnceMax) take();
      else queue.push(take);
      return true;
    }
    response.writeHead(403, { 'content-type': 'application/problem+json', connection: 'close' });
    response.end(
      JSON.stringify({
        type: 'about:blank',
        status: 403,
        code: 'request.foreign',
        title: 'This service answers programs of this machine, not pages of others: ask http://127.0.0.1.',
      }),
    );
    return true;
  };
}
