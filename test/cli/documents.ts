/** Small runbooks for the CLI's tests. */
import { type Place, untilDecidable } from './support.ts';

export const twoCells = `---
runbook: two
title: Two cells
params:
  name: { type: string, default: nobody }
  count: { type: integer, minimum: 1, default: 1 }
  deep: { type: object, default: {} }
---
# Two cells
\`\`\`sh { name=greet }
echo "hello $PAWL_PARAM_NAME"
echo '{"greeted": true}' > "$PAWL_OUTPUT"
\`\`\`
\`\`\`cel { expect=greet }
output.greeted
\`\`\`
\`\`\`sh { name=refused }
exit 3
\`\`\`
\`\`\`cel { expect=refused }
exitCode == 3
\`\`\`
`;

export const halting = `---
runbook: halting
title: Halts
---
\`\`\`sh { name=breaks }
for i in 1 2 3 4 5 6 7 8; do echo "line $i"; done
exit 4
\`\`\`
\`\`\`sh { name=after }
true
\`\`\`
`;

export const manual = `---
runbook: asks
title: Asks a person
params:
  where: { type: string, default: the dashboard }
---
\`\`\`sh { name=before }
true
\`\`\`
\`\`\`manual { name=look }
Open {{ params.where }}.
Is it green?
\`\`\`
\`\`\`sh { name=after }
true
\`\`\`
`;

/** Tells its pid, then waits for the file `….go`; whoever is not stopped leaves a second line. */
export const slow = `---
runbook: slow
title: Takes its time
params:
  file: { type: string }
---
\`\`\`sh { name=works timeout=15s }
echo "begun $$" >> "$PAWL_PARAM_FILE"
until [ -e "$PAWL_PARAM_FILE.go" ]; do sleep 0.05; done
echo "ended" >> "$PAWL_PARAM_FILE"
\`\`\`
\`\`\`sh { name=after }
echo "after" >> "$PAWL_PARAM_FILE"
\`\`\`
`;

/** For one that is killed at it: seconds later it is in doubt. */
export const brief = slow.replace('timeout=15s', 'timeout=8s');
/** Of whoever is asked about one that was killed: it may still be running, however long the machine takes to ask. */
export const patient = { PAWL_TAKEOVER_GRACE_MS: '600000' };

/** Seven mistakes, each on a line of its own. */
export const sevenMistakes = `---
runbook: "no good id!"
title: Seven mistakes
params:
  n: { type: intger }
---
\`\`\`sh { name=one timeout=soon }
true
\`\`\`
\`\`\`sh { name=one }
true
\`\`\`
\`\`\`python { name=three }
pass
\`\`\`
\`\`\`sh { nmae=four }
true
\`\`\`
\`\`\`cel { expect=five }
true
\`\`\`
\`\`\`assert { name=six }
outputs.seven.ok == true
\`\`\`
\`\`\`assert { name=eight }
1 +
\`\`\`
`;

/** A signal ends its second cell unless a file says to be quick: then nobody knows whether it happened. Seconds later it may be decided. */
export const paying = `---
runbook: pay
title: Pays
params:
  file: { type: string }
---
\`\`\`sh { name=look }
echo '{"amount": 12}' > "$PAWL_OUTPUT"
\`\`\`
\`\`\`sh { name=charge timeout=4s }
echo "charged $PAWL_IDEMPOTENCY_KEY" >> "$PAWL_PARAM_FILE"
echo "asking the bank"
[ -e "$PAWL_PARAM_FILE.quick" ] || kill -9 $$
echo '{"transfer": 99}' > "$PAWL_OUTPUT"
\`\`\`
\`\`\`sh { name=receipt }
echo "receipt" >> "$PAWL_PARAM_FILE"
\`\`\`
`;

/** Two outputs that do not fit into one answer, and a cell that halts the run after them. */
export const large = `---
runbook: large
title: Much to tell
---
\`\`\`js { name=one }
export default () => 'x'.repeat(2_500_000);
\`\`\`
\`\`\`js { name=two }
export default () => 'é'.repeat(1_500_000);
\`\`\`
\`\`\`sh { name=breaks }
exit 1
\`\`\`
`;
/**
 * Runs `paying` once to its end. The first writes of a new store are slow: on a busy machine a reservation among them comes
 * too late for a cell of seconds, which is then reserved again, at another seq than a test expects.
 */
export const payOnce = async ({ folder, pawl, write }: Place): Promise<void> => {
  await write('warm.txt.quick', '');
  const { exit } = await pawl('run', 'pay.md', '--instance', 'warm', '-p', `file=${folder}/warm.txt`);
  if (exit !== 0) throw new Error(`pawl run pay.md ended with ${exit}`);
};
/**
 * Runs of `pay.md` whose second steps are in doubt, at seq 2, and may be decided. Their deadlines pass together: for tests that
 * need one each, before all of them.
 */
export const inDoubt = async (place: Place, ...instanceIds: string[]): Promise<void> => {
  for (const id of instanceIds) {
    const { exit } = await place.pawl('run', 'pay.md', '--instance', id, '-p', `file=${place.folder}/${id}.txt`);
    if (exit !== 5) throw new Error(`pawl run pay.md --instance ${id} ended with ${exit}`);
  }
  await untilDecidable(place, ...instanceIds);
};
