/** A section that is taken back, as people see one of its elements. */
import { expect, test } from 'vitest';
import { setup } from './support.ts';

const place = setup();
const cell = (info: string, body: string): string => `\`\`\`sh { ${info} }\n${body}\n\`\`\`\n\n`;
const document = `---
runbook: rows
onFailure: undo
---
# Rows

## Each { name=rows each="['a']" as=row }

${cell('name=put', 'true')}${cell('undo=put', 'exit 1')}## Then

${cell('name=after', 'exit 1')}`;

test('an element that takes another back says so, and not that a cell ended it', async () => {
  await place.write('rows.md', document);
  await place.pawl('publish', 'rows.md');
  await place.pawl('start', 'rows', '--instance', 'r');
  await place.pawl('advance', 'r', '--max-cells', 'all');
  const { out } = await place.pawl('status', 'r~undo_rows.0');
  expect(out).toContain('The way is over: taken back by its parent.');
});
