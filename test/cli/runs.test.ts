/** Documents that run other runbooks, before anything of them runs: check, plan, publish and show. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { setup } from './support.ts';

const place = setup();
const child = (text: string): string => `---
runbook: restore_db
title: Restore one database
params: { name: { type: string }, hours: { type: integer, default: 1 } }
onFailure: undo
---
\`\`\`sh { name=stop timeout=5s }
systemctl stop "$PAWL_PARAM_NAME" ${text}
\`\`\`
\`\`\`sh { undo=stop timeout=5s }
systemctl start "$PAWL_PARAM_NAME"
\`\`\`
\`\`\`manual { name=look }
Look at {{ params.name }} for {{ params.hours }} hours.
\`\`\`
`;
const parent = (named: string, info = '', name = 'main'): string => `---
runbook: all_of_them
params: { dbs: { type: array, default: [a, b] } }
---
\`\`\`run { name=restore ${info} }
runbook: ${named}
params: { name: "${name}", hours: 4 }
\`\`\`
`;
let [childFile, parentFile] = ['', ''];
beforeEach(async () => {
  await rm(join(place.folder, 'data'), { recursive: true, force: true });
  childFile = await place.write('restore_db.md', child(''));
  parentFile = await place.write('all_of_them.md', parent('restore_db'));
});

describe('check and plan', () => {
  test('say that a version was not looked at where there is no store, and make none', async () => {
    const checked = await place.pawl('check', parentFile);
    expect(checked.exit).toBe(0);
    expect(checked.out).toContain(
      'all_of_them.md:6:10 note: `restore_db` was not looked at, since there is no store here',
    );
    const planned = await place.pawl('plan', parentFile);
    expect(planned.out).toContain('its cells are not known here');
    expect((await place.pawl('runbooks')).out).toContain('no store');
  });

  test('take the document that is given beside, and find what does not fit it', async () => {
    const wrong = await place.write('wrong.md', parent('restore_db').replace('hours: 4', 'hours: x'));
    const checked = await place.pawl('check', wrong, childFile);
    expect(checked.err).toContain('wrong.md:7:32 the parameter `hours` of restore_db: must be integer');
    expect((await place.pawl('check', parentFile, childFile)).out).not.toContain('note:');
  });

  test('refuse what is not in the store', async () => {
    await place.pawl('publish', await place.write('other.md', child('').replace('restore_db', 'other')));
    const checked = await place.pawl('check', parentFile);
    expect(checked.exit).toBe(2);
    expect(checked.err).toContain('all_of_them.md:6:10 the runbook `restore_db` is not published');
  });

  test('show the cells of the version, its parameters, what takes what back, and where a newer one is', async () => {
    await place.pawl('publish', childFile);
    await place.pawl('publish', await place.write('restore_db.md', child('now')));
    const many = await place.write(
      'many.md',
      parent('restore_db@1', 'each="params.dbs" as=db max=2 within=30m', '{{ db }}'),
    );
    const { out } = await place.pawl('plan', many);
    expect(
      out
        .split('\n')
        .map((line) => line.trimEnd())
        .slice(2, -2),
    ).toEqual([
      '',
      ' 1  restore  run, line 5',
      '    runs restore_db version 1 (Restore one database) for every db of this list, 2 at a time; no more begin after 1 that failed, halted, are in doubt or were given up; gives up after 30 min behind a lock',
      '    end     taken back by undo_restore',
      '    | params.dbs: 2 elements',
      '    | a',
      '    | b',
      '    newer   version 2 of restore_db is newer: name it, or leave @1 out',
      '    with    name = "{{ db }}"',
      '    with    hours = 4',
      '    a failure in it gives the run up by itself: undo_stop',
      '',
      '  1.1  stop  sh, line 7',
      '      5 s; fails: halts; cut off: a person decides',
      '      end     taken back by undo_stop',
      '      | systemctl stop "$PAWL_PARAM_NAME"',
      '',
      '  1.2  look  manual, line 13',
      '      waits for a person',
      '      | Look at {{ params.name }} for {{ params.hours }} hours.',
      '',
      '  1.3  undo_stop  sh, line 10',
      '      5 s; fails: halts; cut off: a person decides',
      '      end     takes back stop',
      '      | systemctl start "$PAWL_PARAM_NAME"',
      '',
      ' 2  undo_restore  run, line 5',
      '    run by run, the last first, 2 at a time, by what restore_db version 1 has for it',
      '    end     takes back restore',
      '    | params.dbs: 2 elements',
      '    | a',
      '    | b',
      '',
      'A failure halts, and a person is asked (`pawl undo`); given up for it: undo_restore',
    ]);
    const one = await place.pawl('plan', parentFile);
    expect(one.out).toContain('runs restore_db version 2 (Restore one database), once');
    expect(one.out).toContain('| Look at main for 4 hours.');
  });
});

describe('publish', () => {
  test('stores what others run before these, in whatever order they are given', async () => {
    const { out, exit } = await place.pawl('publish', parentFile, childFile);
    expect(exit).toBe(0);
    expect(out).toMatch(
      /restore_db\.md: runbook restore_db, version 1 published[\s\S]*all_of_them\.md: .* version 1 published/,
    );
  });

  test('stores nothing where one of them does not fit the other', async () => {
    const wrong = await place.write('wrong.md', parent('restore_db').replace('hours: 4', 'ours: 4'));
    expect((await place.pawl('publish', childFile, wrong)).exit).toBe(2);
    expect((await place.pawl('runbooks')).out).toContain('no store');
  });

  test('makes another version once what it runs has a newer one, and show says so before', async () => {
    await place.pawl('publish', childFile, parentFile);
    await place.pawl('publish', await place.write('restore_db.md', child('now')));
    const shown = await place.pawl('show', 'all_of_them');
    expect(shown.out).toBe(parent('restore_db'));
    expect(shown.err).toContain('all_of_them@1 runs restore_db@1, and version 2 of that is newer');
    expect((await place.pawl('publish', parentFile)).out).toContain('version 2 published');
    expect((await place.pawl('publish', parentFile)).out).toContain('version 2 has this content already');
    expect((await place.pawl('show', 'all_of_them')).err).toBe('');
    const old = await place.pawl('show', 'all_of_them@1', '--json');
    expect(old.json).toMatchObject({ newer: [{ runbookId: 'restore_db', version: 1, newest: 2 }] });
  });
});
