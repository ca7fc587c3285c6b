/**
 * A witness in a process of its own, which nothing kills. What it saw stands in a file, forced to the disk before it goes
 * on: a line when a request arrives, another when its effect has happened. Its argument is the file.
 *
 * `POST /effect`: takes up to half a second; every other one is given up when its sender is gone before that.
 * `GET /happened/<key>`: whether the effect of this key has.
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

const log = openSync(process.argv[2] ?? '', 'a');
const happened = new Set<string>();
let begun = 0;

const write = (line: object): void => {
  writeSync(log, `${JSON.stringify(line)}\n`);
  fsyncSync(log);
};

const server = createServer((request, response) => {
  // Who asked may be dead before it has said everything: then nothing happens.
  request.on('error', () => {});
  request.resume();
  request.on('end', async () => {
    const key = String(request.headers['idempotency-key']);
    const answer = (status: number, value: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    const asked = /^\/happened\/(.*)$/.exec(request.url ?? '')?.[1];
    if (asked !== undefined) return answer(happened.has(decodeURIComponent(asked)) ? 200 : 404, {});
    // Workers say by which reservation they come; commands do not.
    const given = request.headers['x-seq'];
    const seq = given === undefined ? null : Number(given);
    begun += 1;
    const ms = (begun * 137) % 500;
    // Some effects come to nothing when whoever asked for them is gone: only then is a cut attempt not always a done one.
    const givenUp = begun % 2 === 0;
    let gone = false;
    for (const event of ['end', 'close'] as const)
      request.socket.once(event, () => {
        gone = true;
      });
    write({ what: 'begin', key, seq, atMs: Date.now() });
    await wait(ms);
    if (gone && givenUp) return;
    write({ what: 'effect', key, seq, atMs: Date.now() });
    happened.add(key);
    answer(200, { seq });
  });
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => {
  closeSync(log);
  process.exit(0);
});
