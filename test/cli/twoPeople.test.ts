/** PAWL_DECIDE_PEOPLE=2: a verdict is proposed, `status` and the journal tell what is missing, and another person's takes effect. */
import { expect, test } from 'vitest';
import { paying, payOnce } from './documents.ts';
import { setup, untilDecidable } from './support.ts';

const place = setup();
const as = (actor: string, ...args: string[]) =>
  place.pawlWith({ PAWL_ACTOR: actor, PAWL_DECIDE_PEOPLE: '2' })(...args);

test('the first says it, is told what is missing, and so is whoever looks; the second decides', async () => {
  await place.write('pay.md', paying);
  await payOnce(place);
  const { exit } = await as('alice', 'run', 'pay.md', '--instance', 'two', '-p', `file=${place.folder}/two.txt`);
  expect(exit).toBe(5);
  await untilDecidable(place, 'two');
  const verdict = ['verdict', 'two', '--seq', '2', '--skip', '--reason', 'paid by hand'];
  for (const _ of [1, 2]) {
    const { out } = await as('alice', ...verdict);
    expect(out).toMatch(/^Proposed: charge of two, seq 2: skip, by alice: paid by hand$/m);
    expect(out).toMatch(/nothing follows until another\s+person than alice says skip too/);
  }
  const advanced = await as('alice', 'advance', 'two');
  expect(advanced.exit).toBe(5);
  expect(advanced.out.replaceAll(/\s+/g, ' ')).toContain(
    'alice proposes skip, "paid by hand": it takes effect when another person says the same',
  );
  const { out } = await as('bob', 'verdict', '--runbook', 'pay', '--cell', 'charge', '--skip', '--reason', 'so it is');
  expect(out).toContain('Decided 1 of 1 step.\n');
  const journal = (await as('bob', 'journal', 'two')).out.replaceAll(/\s+/g, ' ');
  expect(journal).toContain(
    'charge, seq 2: proposes skip; takes effect when another person says the same — "paid by hand"',
  );
  expect(journal.match(/proposes/g)).toHaveLength(1);
  expect(journal).toMatch(/resolved +bob .+skip/);
  expect((await as('bob', 'verify', 'two')).exit).toBe(0);
  expect((await place.pawlWith({ PAWL_DECIDE_PEOPLE: '3' })('list')).err).toMatch(
    /PAWL_DECIDE_PEOPLE is "3"; give 1, or 2/,
  );
});
