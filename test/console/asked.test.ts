/** Whom the list of runs takes for asked: by the runbook where that names them, whatever of it a view has room for. */
import { expect, it } from 'vitest';
import { asks } from '../../src/console/decide/asked.ts';

const arn = 'arn:aws:sts::123456789012:assumed-role/oncall/ada.lovelace@example.org';
const group = 'role/platform-engineering-oncall-primary-europe';
const filled = { expression: 'params.who', write: 'text' };

type Asking = { approvers?: unknown[]; groups?: unknown[]; self?: boolean; waitsFor?: string; startedBy?: string };
const ada = { actor: arn, groups: [group] };
const isMine = ({ approvers = [], groups = [], self = false, waitsFor = '', startedBy = 'zoe' }: Asking, me = ada) => {
  const body = { kind: 'approve', approvers, groups, self } as unknown as Parameters<typeof asks>[1];
  // As a view cuts them.
  return asks({ waitsFor: waitsFor.slice(0, 48), startedBy: startedBy.slice(0, 36) }, body, me);
};

it.each<[string, Asking, boolean]>([
  ['a name longer than a view has room for', { approvers: [[arn]], waitsFor: arn }, true],
  ['a group behind many names', { approvers: [['bob'], ['carol']], groups: [[group]], waitsFor: 'bob, carol' }, true],
  ['another group', { groups: [[`${group}-2`]], waitsFor: `group ${group}` }, false],
  ['a name that a parameter gave', { approvers: [[filled]], waitsFor: 'bob, ben' }, false],
])('%s', (_, asking, expected) => {
  expect(isMine(asking)).toBe(expected);
});

it('takes a name or a group that a parameter gave from the view', () => {
  const ben = { actor: 'ben', groups: ['sre'] };
  expect(isMine({ approvers: [[filled]], waitsFor: 'bob, ben' }, ben)).toBe(true);
  expect(isMine({ groups: [[filled]], waitsFor: 'bob, group sre' }, ben)).toBe(true);
  expect(isMine({ groups: [[filled]], waitsFor: 'bob, sre' }, ben)).toBe(false);
  expect(isMine({ groups: [[filled]], waitsFor: 'group sre', startedBy: 'ben' }, ben)).toBe(false);
  expect(isMine({ groups: [[filled]], waitsFor: 'group sre', startedBy: 'ben', self: true }, ben)).toBe(true);
});

it('takes a cell that a person does for one that asks nobody by name', () => {
  const body = { kind: 'manual' } as unknown as Parameters<typeof asks>[1];
  expect([
    asks({ waitsFor: arn, startedBy: 'zoe' }, body, ada),
    asks({ waitsFor: arn, startedBy: 'z' }, undefined, ada),
  ]).toEqual([false, false]);
});
