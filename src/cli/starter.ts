/** What `pawl new` writes: a runbook that runs as it stands, and says what its parts are for. */

/** YAML would read some ids as numbers, or as true. */
const scalar = (id: string): string =>
  /^[A-Za-z][\w.-]*$/.test(id) && !/^(?:true|false|null)$/i.test(id) ? id : JSON.stringify(id);

export const starter = (runbookId: string): string => `---
# The id of the runbook. Its runs are named after it.
runbook: ${scalar(runbookId)}
title: Say in a few words what it is for
# Parameters, as JSON Schema: \`pawl run FILE -p name=Ada\`. One without a default has to be given.
params:
  name: { type: string, minLength: 1, default: world }
# The same parameters are the same run: start it twice, and it happens once. Leave it out, and each start is a new run.
# unique: "{{ params.name }}"
---
# What is it for?

Text like this is for people. Each fence with a name is a cell; they run from top to bottom. Before a cell begins, that is
written down; after it has ended, how. So no cell runs a second time because a machine went away: it is in doubt, and a person
is asked. Where a repetition does no harm, say so: \`interrupted=retry\`; \`retry=2\` is about failures that are known.

## A command

The environment is empty but for PATH, parameters and a few more names. What it prints is its log. What it writes to
\`$PAWL_OUTPUT\` as JSON is its output.

\`\`\`sh { name=look timeout=30s interrupted=retry }
echo "looking for $PAWL_PARAM_NAME"
printf '{"found": %d}' "$(ls / | wc -l)" > "$PAWL_OUTPUT"
\`\`\`

What has to be true of it. If it is not, the run halts here, and says so.

\`\`\`cel { expect=look }
exitCode == 0 && output.found > 0
\`\`\`

## A function

It gets the parameters, and what earlier cells gave. Python, Go and all others: call them from \`sh\`.

\`\`\`js { name=greet interrupted=retry }
export default async ({ params, outputs, log }) => {
  log(\`found \${outputs.look.found}\`);
  return { text: \`Hello, \${params.name}\` };
};
\`\`\`

\`\`\`cel { expect=greet }
output.text.startsWith("Hello")
\`\`\`

<!-- More kinds of cells. Take a fence out of this comment to use it.

A request, with an Idempotency-Key of its own:

\`\`\`http { name=announce timeout=10s }
POST https://example.com/announcements
Content-Type: application/json

{"text": "{{ outputs.greet.text }}"}
\`\`\`

A person does it, and says so by \`pawl done ID confirm --note "…"\`:

\`\`\`manual { name=confirm }
Is everything as {{ params.name }} wants it?
\`\`\`

A person agrees to what comes after it, by \`pawl vote ID agree\`:

\`\`\`approve { name=agree approvers="bob, carol" expires=4h }
Shall it go on?
\`\`\`

-->
`;
