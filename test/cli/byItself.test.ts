/** What is said of a doubt that an advance may settle: at which place. */
import { expect, test } from 'vitest';
import { byItself } from '../../src/cli/byItself.ts';
import { type Cell, createEngine, type State } from '../../src/engine/index.ts';
import { probe, runbookOf } from '../engine/runbooks.ts';
import { alice, setup } from '../engine/world.ts';

/** A step that was begun at bastion and whose process vanished there. */
const lostAtBastion = async (cell: Partial<Cell>) => {
  const world = setup();
  const runbook = runbookOf([{ at: ['bastion'], ...cell }]);
  await world.start(runbook);
  const begun = Promise.withResolvers<void>();
  void createEngine({
    ...world.ports,
    here: { place: 'bastion', home: 'local', missing: async () => [] },
    execute: () => {
      begun.resolve();
      return new Promise(() => {});
    },
  }).advance('i1', { budgetMs: 60_000, by: alice });
  await begun.promise;
  const state = (await world.entries('i1')).at(-1)?.state as State;
  const told = (here: string) => byItself(runbook, state, [], world.now + 60_000, { place: state.place ?? '', here });
  return { told };
};

test('its probe is asked by an advance at the place where the step ran, and the screen of another place says so', async () => {
  const { told } = await lostAtBastion({ interrupted: 'probe', probe, settleMs: 0 });
  expect(told('local')).toMatchObject({ kind: 'probe', place: 'bastion' });
  expect(told('local').text).toMatch('interrupted=probe: the next advance at bastion asks its probe (asked 0 of');
  expect(told('bastion').text).toMatch('interrupted=probe: the next advance asks its probe (asked 0 of');
});

test('so is a further attempt; what only writes an entry is done anywhere', async () => {
  const { told } = await lostAtBastion({ interrupted: 'retry' });
  expect(told('local')).toMatchObject({ kind: 'retry', place: 'bastion' });
  expect(told('local').text).toContain('the next advance at bastion tries it again');
  const goesOn = await lostAtBastion({ interrupted: 'continue' });
  expect(goesOn.told('local')).toMatchObject({ kind: 'continue', place: null });
  expect(goesOn.told('local').text).not.toContain('bastion');
});
