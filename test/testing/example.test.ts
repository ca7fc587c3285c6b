import { testRunbook } from 'pawl/testing';
import { expect, test } from 'vitest';

const source = `---
runbook: clean_up
title: Clean up, and tell
---
\`\`\`js { name=left interrupted=retry }
export default async () => ({ files: ["a.tmp", "b.tmp"] });
\`\`\`

\`\`\`js { name=remove interrupted=retry }
export default async ({ outputs }) => ({ removed: outputs.left.files.length });
\`\`\`

\`\`\`http { name=tell interrupted=probe }
POST https://chat.example.com/messages
\`\`\`

\`\`\`http { probe=tell done="output.status == 200" notDone="output.status == 404" }
GET https://chat.example.com/messages/{{ step.idempotencyKey }}
\`\`\`
`;

test('the clean-up may be interrupted anywhere, and nobody is told twice', async () => {
  // The outside world, as far as this runbook knows it: one message for each key.
  const told = new Set<string>();
  const report = await testRunbook(source, {
    stubs: {
      tell: ({ step }) => ({ status: told.add(step.idempotencyKey).size }),
      'tell.probe': ({ step }) => ({ status: told.has(step.idempotencyKey) ? 200 : 404 }),
    },
  });

  expect(report.findings).toEqual([]);
  expect(told.size).toBe(1);
  const tell = report.cells.find((cell) => cell.name === 'tell');
  expect(tell?.crashes.map(({ after, then }) => `${after}: ${then}`)).toEqual([
    'reserved: probe_not_done',
    'effect: probe_done',
    'outcome: goes_on',
  ]);
});
