import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { ended } from '../../src/cells/ending.ts';

const talking = () => Object.assign(new EventEmitter(), { connected: true, exitCode: null, signalCode: null });

test('what a process said last is heard, also when its death is told first', async () => {
  const child = talking();
  const heard: string[] = [];
  child.on('message', (text: string) => heard.push(text));
  let isOver = false;
  const over = ended(child).then(() => {
    isOver = true;
  });
  child.emit('exit', 0, null);
  await new Promise(setImmediate);
  expect(isOver).toBe(false);
  child.emit('message', 'done');
  child.connected = false;
  child.emit('disconnect');
  await over;
  expect(heard).toEqual(['done']);
});

test('a channel that ended before is not waited for', async () => {
  const child = talking();
  const over = ended(child);
  child.connected = false;
  child.emit('disconnect');
  child.emit('exit', null, 'SIGKILL');
  await over;
});
