/** A section with `parallel` at the command line: its parts are told apart by their names, and decided by their ids. */
import { beforeAll, describe, expect, test } from 'vitest';
import { at, flat, setup, transports } from './support.ts';

/** Each part says that it began; that of America fails until it is mended. */
const regions = `---
runbook: regions
params: { folder: { type: string } }
---
## Both regions { name=regions parallel }

### Europe { name=eu output="outputs.eu_moved.to" }

\`\`\`sh { name=eu_moved }
echo begun >> "$PAWL_PARAM_FOLDER/$PAWL_ITEM.begun"
echo "to=$PAWL_INDEX" > "$PAWL_OUTPUT"
\`\`\`

\`\`\`manual { name=eu_looked }
Look at {{ item }}.
\`\`\`

### America { name=us }

\`\`\`sh { name=us_moved }
echo begun >> "$PAWL_PARAM_FOLDER/$PAWL_ITEM.begun"
[ -f "$PAWL_PARAM_FOLDER/us.mended" ]
\`\`\`
`;

describe.each(transports)('%s', (over) => {
  const place = setup(over);
  const pawl = (...args: string[]) => place.pawl(...args);
  beforeAll(() => place.write('regions.md', regions));

  test('both parts begin, each is decided where it stands, and the whole ends with them', async () => {
    const ran = await pawl('run', 'regions.md', '--instance', 'r', '-p', `folder=${place.folder}`);
    expect(ran.exit).toBe(3);
    expect(ran.out).toContain('  ‖  regions  parallel  waiting');
    expect(flat(ran.out)).toContain(
      'elements 0/2 completed, 1 under way, 1 needs somebody; 2 at a time eu waiting at eu_looked r~regions.0 us halted at us_moved r~regions.1',
    );
    const listed = await pawl('list', '--json');
    expect((at(listed.json, 'views') as { instanceId: string }[]).map(({ instanceId }) => instanceId).sort()).toEqual([
      'r',
      'r~regions.0',
      'r~regions.1',
    ]);
    await place.write('us.mended', '');
    expect((await pawl('verdict', 'r~regions.1', '--seq', '1', '--retry', '--reason', 'mended')).exit).toBe(0);
    expect((await pawl('done', 'r~regions.0', 'eu_looked', '--note', 'fine')).exit).toBe(0);
    expect((await pawl('advance', 'r', '--max-cells', 'all')).exit).toBe(0);
    expect(JSON.parse((await pawl('output', 'r', 'regions')).out)).toEqual([
      { item: 'eu', status: 'completed', output: '0' },
      { item: 'us', status: 'completed', output: null },
    ]);
    expect((await pawl('journal', 'r')).out).toContain('regions: elements up to 2 may begin');
    expect((await pawl('verify', 'r~regions.1')).exit).toBe(0);
  });

  test('a part is given up by its id, and the section says so', async () => {
    await pawl('run', 'regions.md', '--instance', 'g', '-p', `folder=${place.folder}`);
    expect((await pawl('cancel', 'g~regions.0', '--reason', 'not today')).exit).toBe(0);
    const { out, exit } = await pawl('advance', 'g', '--max-cells', 'all');
    expect(exit).toBe(1);
    expect(flat(out)).toContain('error Section regions: 1 of 2 completed. (each.unfinished)');
    expect(JSON.parse((await pawl('output', 'g', 'regions')).out)).toMatchObject([
      { item: 'eu', status: 'cancelled' },
      { item: 'us', status: 'completed' },
    ]);
  });
});
