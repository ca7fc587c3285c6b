/**
 * Loaded into the process of `osls offline` before anything else (scripts/dev.ts). Plain JavaScript, for every worker
 * thread loads it too, and has no time to lose.
 */
import { Server } from 'node:http';
import { isMainThread } from 'node:worker_threads';

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

/**
 * Whoever calls a function runs code on this machine: both ports let in only who has the token (src/cli/serve/guard.ts).
 * @param {import('node:http').IncomingMessage} request
 * @param {{ actor: string, groups: string }} person whose browser logged in
 */
const setActor = (request, { actor, groups }) => {
  const own = { 'x-pawl-actor': actor, 'x-pawl-groups': groups };
  /** @type {string[]} */
  const raw = [];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(at, at + 2);
    if (!/^x-pawl-(actor|groups)$/i.test(name)) raw.push(name, value);
  }
  request.rawHeaders = [...raw, ...Object.entries(own).flat()];
  request.headers = { ...request.headers, ...own };
};

if (isMainThread) {
  // Dies with whoever started it, however that went: otherwise it would keep its ports.
  process.on('disconnect', () => process.exit());
  process.channel?.unref();

  const { createGuard } = await import('../src/cli/serve/guard.ts');
  const port = Number(process.env.PORT);
  const guard = createGuard({ token: process.env.PAWL_TOKEN ?? '', port });
  // Whoever started it makes the first login link.
  process.on('message', (message) => {
    if (message && typeof message === 'object' && 'actor' in message && 'groups' in message)
      process.send?.({ code: guard.makeCode(String(message.actor), String(message.groups)) });
  });

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
    const address = this.address();
    // Functions call one another by another port: a call that waits for a function never waits for its own turn.
    const isApi = typeof address === 'object' && address?.port === port;
    const [path = '/', search = ''] = String(request.url).split('?');
    const asked = { method: request.method, path, query: new URLSearchParams(search), headers: request.headers };
    const checked = isApi ? guard.check(asked) : guard.checkLambda(request.headers);
    if (checked.kind === 'answered') {
      response.writeHead(checked.status, { ...checked.headers, connection: 'close' });
      response.end(checked.body);
      return true;
    }
    if (checked.person !== null) setActor(request, checked.person);
    if (!isApi) return go();
    const take = () => {
      requestsNow += 1;
      response.once('close', next);
      go();
    };
    if (requestsNow < requestsAtOnceMax) take();
    else queue.push(take);
    return true;
  };
}
