/** Waiting on the command line, over both transports: claims, votes, times; what is told meanwhile, and what goes on afterwards. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ended, flat, setup, transports, until } from './support.ts';

const release = fileURLToPath(new URL('../../runbooks/release.md', import.meta.url));
/** A deployment that needs a while after it was told to release. */
const createTarget = async () => {
  const state = { keys: [] as string[], build: 0, looks: 0 };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (text) => {
      body += text;
    });
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      if (request.method === 'POST') {
        state.keys.push(String(request.headers['idempotency-key']));
        state.build = Number(JSON.parse(body).build);
        return void response.end('{}');
      }
      state.looks += 1;
      response.end(JSON.stringify({ build: state.looks > 2 ? state.build : 0 }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, state, close: () => new Promise((resolve) => server.close(resolve)) };
};

describe.each(transports)('%s', (over) => {
  let target: Awaited<ReturnType<typeof createTarget>>;
  const place = setup(over, async () => {
    target = await createTarget();
    return { PAWL_HTTP_ALLOW: target.host };
  });
  afterAll(() => target.close());
  const pawl = (...args: string[]) => place.pawl(...args);
  const as = (actor: string, groups: string, ...args: string[]): Promise<Ended> =>
    place.pawlWith({ PAWL_ACTOR: actor, PAWL_GROUPS: groups })(...args);

  const waits = `---
runbook: waits
title: Waits for everything
params:
  n: { type: integer }
unique: "{{ params.n }}"
---
\`\`\`await { name=green timeout=24h }
claim: ci/{{ params.n }}
until: [supported, superseded]
if: claim.evidence.errors == 0
\`\`\`
\`\`\`approve { name=go approvers="bob, carol" groups=sre quorum=2 expires=4h }
Shall number {{ params.n }} go on?
\`\`\`
\`\`\`wait { name=rest for=1s }
\`\`\`
\`\`\`js { name=last }
export default ({ params }) => ({ n: params.n });
\`\`\`
`;
  beforeAll(async () => {
    await place.write('waits.md', waits);
    await pawl('publish', 'waits.md');
  });
  const parked = async (n: number): Promise<string> => {
    const { exit } = await pawl('run', 'waits.md', '-p', `n=${n}`);
    expect(exit).toBe(3);
    return `waits.${n}`;
  };
  /** An instance that asks, started by alice, and the hash of what it shows. */
  const asking = async (n: number): Promise<{ id: string; hash: string }> => {
    const id = await parked(n);
    await pawl('claim', 'set', `ci/${n}`, '--status', 'supported', '--evidence', '{"errors":0}');
    expect((await pawl('advance', id)).exit).toBe(3);
    return { id, hash: String((await pawl('vote', id, 'go', '--json')).json.shownHash) };
  };

  describe('claim', () => {
    test('set writes revisions, get shows the newest, history all of them, list each claim once', async () => {
      const first = await pawl(
        'claim',
        'set',
        'db/a',
        '--status',
        'asserted',
        '--statement',
        'It is up.',
        '--revision',
        '0',
      );
      expect(first).toMatchObject({ exit: 0, err: '' });
      expect(first.out).toMatch(
        /^db\/a {2}asserted, revision 1, .*, by alice\n {2}statement It is up\.\nNothing waits for it now\.\n$/,
      );
      await place.write('report.json', '{"errors": 2, "of": ["a", "b"]}');
      const second = await pawl(
        'claim',
        'set',
        'db/a',
        '--status',
        'invalidated',
        '--evidence',
        '@report.json',
        '--json',
      );
      expect(second.json).toMatchObject({
        claim: { claimId: 'db/a', revision: 2, status: 'invalidated', evidence: { errors: 2, of: ['a', 'b'] } },
        woken: 0,
      });
      await pawl('claim', 'set', 'db/b', '--status', 'supported');
      expect((await pawl('claim', 'get', 'db/a', '--json')).json).toMatchObject({
        claim: {
          revision: 2,
          statement: 'It is up.',
          by: { actor: 'alice', via: over === 'in process' ? 'cli' : 'api' },
          at: expect.stringMatching(/Z$/),
        },
      });
      const history = await pawl('claim', 'history', 'db/a', '--limit', '1');
      expect(flat(history.out)).toMatch(/2 invalidated .* alice .*More: `pawl claim history db\/a --before 2`\./);
      expect((await pawl('claim', 'history', 'db/a', '--before', '2', '--json')).json).toMatchObject({
        claims: [{ revision: 1, statement: 'It is up.' }],
        next: null,
      });
      const ids: unknown[] = [];
      let next: string | undefined;
      do {
        const { json } = await pawl(
          'claim',
          'list',
          '--limit',
          '1',
          ...(next === undefined ? [] : ['--next', next]),
          '--json',
        );
        ids.push(
          ...(json.claims as { claimId: string; revision: number }[]).map(
            ({ claimId, revision }) => `${claimId}#${revision}`,
          ),
        );
        next = (json.next as string | null) ?? undefined;
      } while (next !== undefined);
      expect(ids.slice(0, 2)).toEqual(['db/a#2', 'db/b#1']);
    });

    test('evidence keeps its digits on the way in and out; 1e400 is refused', async () => {
      const evidence = '{"run":9007199254740993,"cost":1.50}';
      const set = await pawl('claim', 'set', 'db/digits', '--status', 'supported', '--evidence', evidence);
      expect(set.out).toContain(`  evidence  ${evidence}\n`);
      const compact = (await pawl('claim', 'get', 'db/digits', '--json')).out.replaceAll(/\s/g, '');
      expect(compact).toContain(`"evidence":${evidence}`);
      const endless = await pawl('claim', 'set', 'db/digits', '--status', 'supported', '--evidence', '{"n":1e400}');
      expect(endless.err).toContain('The evidence holds 1e400 at n, which no program can read as a number');
    });

    test('what was invalidated stays so, unless somebody names its revision and says why', async () => {
      await pawl('claim', 'set', 'db/late', '--status', 'supported', '--statement', 'It is up.');
      await pawl('claim', 'set', 'db/late', '--status', 'invalidated');
      const late = await pawl('claim', 'set', 'db/late', '--status', 'supported');
      expect(late.exit).not.toBe(0);
      expect(late.err).toContain('is invalidated (revision 2, alice), and stays so');
      expect(late.err).toContain('`--revision 2 --reason TEXT`');
      const reopened = await pawl(
        ...['claim', 'set', 'db/late', '--status', 'supported', '--revision', '2', '--reason', 'it is, I looked'],
      );
      expect(reopened.out).toMatch(
        /^db\/late {2}supported, revision 3, .*, by alice\n {2}statement It is up\.\n {2}reason {4}it is, I looked\n/,
      );
      expect(flat((await pawl('claim', 'history', 'db/late')).out)).toContain('It is up.; it is, I looked');
    });

    test.each([
      ['a revision that is behind', ['set', 'db/a', '--status', 'supported', '--revision', '1'], 4, 'is at revision 2'],
      ['a status that is none', ['set', 'db/a', '--status', 'green'], 2, 'asserted, supported'],
      ['no status', ['set', 'db/a'], 2, '--status'],
      [
        'evidence that is no JSON',
        ['set', 'db/a', '--status', 'supported', '--evidence', 'yes'],
        2,
        '--evidence is no JSON: yes',
      ],
      ['an id that is none', ['set', 'db//a', '--status', 'supported'], 2, 'is no claim id'],
      ['a lock', ['get', 'lock:prod'], 2, 'is no claim id'],
      ['a claim that is not there', ['get', 'db/none'], 2, 'There is no claim db/none'],
      ['a mark that is none', ['list', '--next', 'x'], 2, 'page mark'],
    ])('refuses %s', async (_, args, exit, says) => {
      const ended = await pawl('claim', ...args);
      expect(ended.exit).toBe(exit);
      expect(ended.err).toContain(says);
      expect(ended.out).toBe('');
    });
  });

  describe('an instance that waits', () => {
    test('says what for, since and until when, and what helps; the claim wakes it', async () => {
      const id = await parked(1);
      const { out, exit } = await pawl('status', id);
      expect(exit).toBe(0);
      expect(out).toContain('Parked: green waits for what others know.\n');
      expect(out).toMatch(
        / {2}waiting since \S+ \S+ [+-]\d\d:\d\d, .*; until \S+ \S+ [+-]\d\d:\d\d, in (24 h|23 h \d+ min)\n/,
      );
      expect(out).toContain(
        'It needs 1 claim to be supported or superseded:\n    ci/1  does not exist yet\n  and     claim.evidence.errors == 0\n',
      );
      expect(out).toContain('Next: once it is known, set it: `pawl claim set ci/1 --status supported`.\n');
      const set = await pawl('claim', 'set', 'ci/1', '--status', 'supported', '--evidence', '{"errors":3}');
      expect(set.out).toContain('1 instance that waited for it will look at it.');
      expect((await pawl('advance', id)).exit).toBe(3);
      expect((await pawl('status', id)).out).toContain(
        '    ci/1  supported, revision 1: the condition does not hold\n',
      );
      await pawl('claim', 'set', 'ci/1', '--status', 'superseded', '--evidence', '{"errors":0}');
      const { json } = await pawl('advance', id, '--json');
      expect(json).toMatchObject({ result: 'parked', steps: [{ cell: 'green', status: 'completed' }] });
      expect((await pawl('status', id, '--json')).json).toMatchObject({
        waits: { kind: 'approve', cell: 'go', approvers: ['bob', 'carol'], groups: ['sre'], quorum: 2, approvals: [] },
      });
    });

    test('plan says for whom and what, how long, and what then', async () => {
      const { out } = await pawl('plan', 'waits.md', '-p', 'n=5');
      const told = flat(out);
      expect(told).toContain(
        'waits for claims; 24 h at most, then it fails | ci/5: supported or superseded | if claim.evidence.errors == 0',
      );
      expect(told).toContain(
        'asks bob, carol, members of sre, not the starter; 2 approvals needed; 4 h at most, then it is rejected; rejected: halts | Shall number 5 go on?',
      );
      expect(told).toContain('waits for a time | for 1 s');
    });

    test('with --wait the run stays, and goes on when what it waits for comes', async () => {
      await place.write(
        'short.md',
        '---\nrunbook: short\ntitle: t\n---\n```await { name=it }\nclaim: short/it\nuntil: supported\n```\n```js { name=last }\nexport default () => 1;\n```\n',
      );
      const running = place.begin(['run', 'short.md', '--wait', '--instance', 'short-1']);
      await until('it to say what it waits for', () => running.out().includes('short/it  does not exist yet'));
      await pawl('claim', 'set', 'short/it', '--status', 'supported');
      const { exit, out } = await running.ended;
      expect(exit).toBe(0);
      expect(out).toContain('Completed procedurally');
      expect(out.match(/Parked: it waits/g)).toHaveLength(1);
    });

    test('Ctrl-C while it stays leaves it waiting, and nothing is written', async () => {
      const running = place.begin(['run', 'waits.md', '-p', 'n=2', '--wait']);
      await until('it to wait', () => running.out().includes('Parked: green'));
      running.kill('SIGINT');
      expect((await running.ended).exit).toBe(130);
      const { json } = await pawl('journal', 'waits.2', '--json');
      expect((json.entries as { kind: string }[]).map(({ kind }) => kind)).toEqual(['started', 'waiting']);
    });

    test('a cell that is asked every so often says when next; the answer that ends it is recorded once', async () => {
      const poll = `---\nrunbook: polls\ntitle: t\n---\n\`\`\`sh { name=there poll=30s within=1h }\ntest -e "${join(place.folder, 'there')}" && echo '{"there": true}' > "$PAWL_OUTPUT" || echo '{"there": false}' > "$PAWL_OUTPUT"\n\`\`\`\n\`\`\`cel { expect=there }\noutput.there\n\`\`\`\n`;
      await place.write('polls.md', poll);
      const first = await pawl('run', 'polls.md', '--instance', 'polls-1');
      expect(first.exit).toBe(3);
      expect(first.out).toContain('Parked: there is repeated until what it expects holds.');
      expect(first.out).toMatch(/ {2}tried {3}every 30 s, next at \S+ \S+ [+-]\d\d:\d\d, in (30|2\d(\.\d)?) s\n/);
      expect(first.out).toMatch(
        / {2}last look \S+ [+-]\d\d:\d\d: completed\n {2}expected {2}output\.there: does not hold\n/,
      );
      const shown = await pawl('status', 'polls-1', '--json');
      const last = {
        status: 'completed',
        answered: null,
        unmet: [{ source: 'output.there', result: 'fail', erred: 0 }],
      };
      expect(shown.json).toMatchObject({ waits: { kind: 'poll', last } });
      expect((await pawl('journal', 'polls-1')).out).toContain('output.there: does not hold');
      expect((await pawl('journal', 'polls-1', '--json')).json).toMatchObject({ lastLook: last });
      await place.write('there', '');
      expect((await pawl('advance', 'polls-1')).exit).toBe(0);
      const { out } = await pawl('journal', 'polls-1');
      expect(flat(out)).toMatch(/there is repeated every 30 s until .* outcome .* there completed, .* — as expected$/);
    });
  });

  test('a poll that cannot look for want of a secret says so, and until when its time runs', async () => {
    const poll =
      '---\nrunbook: wanting\nsecrets: { KEY: { from: "env:WANTED18" } }\n---\n```sh { name=there poll=30s within=1h uses=KEY }\necho \'{"there": true}\' > "$PAWL_OUTPUT"\n```\n```cel { expect=there }\noutput.there\n```\n';
    await place.write('wanting.md', poll);
    const run = await pawl('run', 'wanting.md', '--instance', 'wanting-1');
    expect(run.exit).toBe(3);
    expect(run.out).toContain('Parked: there waits for a worker at');
    expect(flat(run.out)).toContain('secret KEY');
    expect(flat(run.out)).toMatch(/Its time runs on, until \S+ \S+ [+-]\d\d:\d\d\./);
    const { out } = await pawl('status', 'wanting-1');
    expect(flat(out)).toMatch(/last look \S+ [+-]\d\d:\d\d: could not be made, for want of secret KEY/);
    expect((await pawl('list', '--json')).out).toContain('"waitsFor": "secret KEY');
  });

  test('a poll whose expectation cannot be evaluated, again and again, says that it may never be met', async () => {
    const poll =
      '---\nrunbook: odd\ntitle: t\n---\n```sh { name=there poll=30s within=1h }\necho \'{}\' > "$PAWL_OUTPUT"\n```\n```cel { expect=there }\noutput.ready\n```\n';
    await place.write('odd.md', poll);
    const { out: once } = await pawl('run', 'odd.md', '--instance', 'odd-1');
    expect(once).toContain('output.ready: could not be evaluated: ');
    expect(once).not.toContain('This may never be met');
    await pawl('advance', 'odd-1');
    await pawl('advance', 'odd-1');
    const { out } = await pawl('status', 'odd-1');
    expect(flat(out)).toContain('output.ready: could not be evaluated, 3 times in a row: ');
    expect(out).toContain('This may never be met: look whether the expectation fits what is answered.');
  });

  describe('vote', () => {
    test('shows what is asked and its hash, and runs and records nothing', async () => {
      const { id, hash } = await asking(10);
      const { exit, out } = await pawl('vote', id, 'go');
      expect(exit).toBe(0);
      expect(out).toContain(
        'Asked\n    Shall number 10 go on?\nParameter n\n    10\nRunbook so far\n    ---\n    runbook: waits\n',
      );
      const [asked = '', freed = ''] = out.split('What an approval sets free: ');
      expect(asked).not.toContain('name=rest');
      expect(freed).toMatch(
        /^2 cells to the end \(not part of your approval; the hash does not cover it\)\n {4}```\w+ \{ name=rest/,
      );
      expect(out).toContain('Asked: bob, carol, members of sre; not the starter of the run.\n0 of 2 approvals.\n');
      expect(out).toContain(`Shown: ${hash}\nNext: \`pawl vote ${id} go --approve --shown ${hash}\``);
      const { json } = await pawl('journal', id, '--json');
      expect((json.entries as unknown[]).length).toBe(4);
    });

    test('the log of a dry run is shown with what of it is covered, by vote and by status; the journal names it', async () => {
      const document = `---
runbook: dry
title: Dry
---
\`\`\`sh { name=plan }
echo would add 3
\`\`\`
\`\`\`sh { name=check when="1 > 2" }
true
\`\`\`
\`\`\`approve { name=go approvers=bob shows="plan.log, check.log" }
Apply it?
\`\`\`
`;
      await place.write('dry.md', document);
      expect((await pawl('run', 'dry.md', '--instance', 'dry-1')).exit).toBe(3);
      const { out } = await pawl('vote', 'dry-1', 'go');
      expect(out).toMatch(/\nLog of plan: all of its 12 bytes, sha256 [0-9a-f]{64}\n {4}would add 3\n/);
      const none = 'Log of check: nothing of it is shown, so no vote is about it. It was skipped.';
      expect(flat(out)).toContain(none);
      const { out: status } = await pawl('status', 'dry-1');
      expect(flat(status)).toContain('Log of plan: all of its 12 bytes, sha256');
      expect(flat(status)).toContain(none);
      expect(flat((await pawl('journal', 'dry-1')).out)).toMatch(/shown [0-9a-f]{12}, with the log of plan/);
      expect((await pawl('verify', 'dry-1')).exit).toBe(0);
    });

    test('two of those who are asked approve, one of them by a group; the journal says who, why, and about what', async () => {
      const { id, hash } = await asking(11);
      const first = await as(
        'bob',
        '',
        'vote',
        id,
        'go',
        '--approve',
        '--shown',
        hash,
        '--comment',
        'replica is fresh',
      );
      expect(first).toMatchObject({ exit: 0, err: '' });
      expect(first.out).toContain(`Recorded: bob approved go of ${id}; 1 of 2 approvals.\n`);
      const second = await as('dave', 'dev, sre', 'vote', id, 'go', '--approve', '--shown', hash.slice(0, 8), '--json');
      expect(second.json).toMatchObject({
        decision: 'approved',
        approvals: ['bob', 'dave'],
        quorum: 2,
        shownHash: hash,
      });
      const late = await as('carol', '', 'vote', id, 'go', '--reject', '--shown', hash.slice(0, 8));
      expect([late.exit, flat(late.err)]).toEqual([
        1,
        expect.stringMatching(/bob approved at \S+Z, dave approved at \S+Z\./),
      ]);
      expect((await pawl('advance', id, '--max-cells', 'all')).exit).toBe(0);
      const told = flat((await pawl('journal', id)).out);
      expect(told).toMatch(
        new RegExp(
          `go asks bob, carol, members of sre; 2 approvals needed until \\S+ \\S+ \\S+; shown ${hash.slice(0, 12)} `,
        ),
      );
      expect(told).toMatch(/ vote bob \S+ approves go; 1 approval so far — "replica is fresh" /);
      expect(told).toMatch(/ vote dave \S+ approves go; 2 approvals so far /);
      expect(told).toMatch(/ go completed, .* — approved by bob, dave /);
      expect(told).toMatch(/ rest waits until \S+ \S+ .* rest completed, /);
    });

    test('one rejection halts the run', async () => {
      const { id, hash } = await asking(12);
      const { out } = await as('carol', '', 'vote', id, 'go', '--reject', '--shown', hash, '--comment', 'not today');
      expect(out).toContain('Recorded: carol rejected go of waits.12; it is rejected.\nHalted at go');
      expect((await pawl('advance', id)).exit).toBe(1);
    });

    test('a withdrawn approval counts no more, and needs no hash', async () => {
      const { id, hash } = await asking(13);
      await as('bob', '', 'vote', id, 'go', '--approve', '--shown', hash);
      expect((await as('bob', '', 'vote', id, 'go', '--withdraw', '--json')).json).toMatchObject({ approvals: [] });
      expect((await as('carol', '', 'vote', id, 'go', '--approve', '--shown', hash, '--json')).json).toMatchObject({
        approvals: ['carol'],
        decision: null,
      });
    });

    test.each<[string, string, string, (hash: string) => string[], number, string]>([
      ['of something else', 'bob', '', () => ['--approve', '--shown', '0'.repeat(64)], 4, 'look again'],
      [
        'of too little of a hash',
        'bob',
        '',
        (hash) => ['--approve', '--shown', hash.slice(0, 7)],
        2,
        'shownHashCharsMin',
      ],
      ['without saying what was shown', 'bob', '', () => ['--approve'], 2, 'vote with --shown HASH'],
      ['of who started the run', 'alice', 'sre', (hash) => ['--approve', '--shown', hash], 2, 'alice started'],
      ['of somebody who is not asked', 'mallory', 'dev', (hash) => ['--approve', '--shown', hash], 2, 'not asked'],
      ['both ways', 'bob', '', (hash) => ['--approve', '--reject', '--shown', hash], 2, 'exclude each other'],
      ['withdrawn that never was', 'bob', '', (hash) => ['--withdraw', '--shown', hash], 1, 'no approval'],
      [
        'with a link for somebody',
        'bob',
        '',
        (hash) => ['--approve', '--shown', hash, '--link-for', 'carol'],
        2,
        'casts no vote',
      ],
    ])('refuses a vote %s', async (_, actor, groups, more, exit, says) => {
      const { id, hash } = await asked;
      const ended = await as(actor, groups, 'vote', id, 'go', ...more(hash));
      expect([ended.exit, flat(ended.err)]).toEqual([exit, expect.stringContaining(says)]);
    });
    let asked: Promise<{ id: string; hash: string }>;
    beforeAll(() => {
      asked = asking(14);
      return asked;
    });

    test('a cell that asks nobody, and one that is not there, say where the instance stands', async () => {
      const id = await parked(15);
      const ended = await pawl('vote', id, 'go');
      expect([ended.exit, ended.err]).toEqual([1, expect.stringContaining('it waits at green')]);
      expect((await pawl('vote', 'nobody', 'go')).err).toContain('There is no instance nobody');
    });

    test('a one-time link is made for an approver, and says what it is', async () => {
      const { id } = await asking(16);
      const { exit, out } = await as('dave', 'sre', 'vote', id, 'go', '--link-for', 'bob');
      expect(exit).toBe(0);
      expect(out).toMatch(/^(http:\/\/127\.0\.0\.1:\d+)?\/links\/[0-9a-f]{64}\nIts bearer votes as bob, once, until /);
      expect([out.startsWith('http'), out.includes('`pawl serve` starts one')]).toEqual(
        over === 'in process' ? [false, true] : [true, false],
      );
      const self = await pawl('vote', id, 'go', '--link-for', 'bob');
      expect([self.exit, self.err]).toEqual([2, expect.stringContaining('cannot hand out votes')]);
    });
  });

  describe('runbooks/release.md', () => {
    test('runs from a claim over two approvals to the new version, released once', async () => {
      const args = ['run', release, '-p', 'build=7', '-p', `url=http://${target.host}`, '--wait'];
      const running = place.begin(args);
      await until('it to wait for the build', () => running.out().includes('ci/build-7  does not exist yet'));
      await pawl('claim', 'set', 'ci/build-7', '--status', 'supported', '--evidence', '{"errors":0}');
      await until('it to ask', () => running.out().includes('Parked: agree waits for approval.'));
      const { json } = await pawl('vote', 'release.build-7', 'agree', '--json');
      const hash = String(json.shownHash);
      for (const actor of ['bob', 'carol'])
        expect((await as(actor, '', 'vote', 'release.build-7', 'agree', '--approve', '--shown', hash)).exit).toBe(0);
      const { exit, out } = await running.ended;
      expect([exit, out]).toEqual([0, expect.stringContaining('Passed: 2 of 5 cells met what they declare.')]);
      expect(target.state).toMatchObject({
        keys: [expect.stringMatching(/^local\/[0-9a-f]{12}\/release\.build-7\/release\/1$/)],
        build: 7,
        looks: 3,
      });
    });
  });
});
