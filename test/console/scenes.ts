/** Runbooks of these tests, each for one way in which a run needs somebody. */

const cell = (name: string, body: string, attributes = ''): string =>
  `\`\`\`sh { name=${name}${attributes} }\n${body}\n\`\`\``;

/** A signal ends the step, so that nobody knows whether it happened; seconds later nothing of it may act. */
export const doubtful = `---
runbook: switch_over
title: Switch the traffic over
params:
  region: { type: string, default: eu-west-1 }
---
# Switch the traffic over

Moves all traffic of a region to its replica. **Look at the graphs** before and after; the steps are in
[the handbook](https://handbook.example/switch).

## Before

${cell('look', 'echo "the replica is 3 s behind"\necho \'{"lagSeconds": 3}\' > "$PAWL_OUTPUT"')}

## The switch

${cell('promote', 'echo "asking the router to switch"\necho "router: accepted, job 4711"\nkill -9 $$', ' timeout=5s')}

1. The router answers with a job.
2. Nothing else moves until it is known.

${cell('announce', 'echo \'"told everybody"\'')}
`;

/** The same, and nothing goes wrong. */
export const rehearsal = (runbookId: string): string =>
  doubtful.replace('switch_over', runbookId).replace('kill -9 $$', 'true').replace('timeout=5s', 'timeout=1m');

export const approval = `---
runbook: release
title: Release a version
params:
  version: { type: string, default: "4.2.0" }
---
# Release a version

${cell('build', 'echo \'{"artifact": "app-4.2.0.tar", "tests": 312}\' > "$PAWL_OUTPUT"')}

\`\`\`approve { name=go approvers="bob, carol" expires=1h }
Shall **{{ params.version }}** go out? It passed {{ outputs.build.tests }} tests.
\`\`\`

${cell('ship', 'echo shipped')}
`;

export const manual = `---
runbook: key_ceremony
title: Replace the signing key
---
# Replace the signing key

\`\`\`manual { name=rotate }
---
answer:
  type: object
  required: [serial, slots]
  properties:
    serial: { type: string, minLength: 4, description: as printed on the card }
    slots: { type: integer, minimum: 1, maximum: 8 }
    sealed: { type: boolean }
    place: { type: string, enum: [vault, office] }
---
Take the card out of the **vault**, and put the new one in.
\`\`\`

${cell('record', 'echo recorded')}
`;

export const failing = `---
runbook: clean_up
title: Remove what is left over
---
# Remove what is left over

${cell('remove', 'echo "no such bucket" >&2\nexit 3')}

${cell('after', 'echo done')}
`;

/** Runs until it is killed: longer than any test needs to come to it. */
export const slow = `---
runbook: slow
title: Takes its time
---
# Takes its time

${cell('work', 'echo "halfway"\nsleep 900', ' timeout=15m')}

${cell('never', 'echo never')}
`;

/** What must never run, in every place that somebody else can write. */
export const script = '<img src=x onerror="globalThis.owned=1"><script>globalThis.owned=1</script>';
export const hostile = `---
runbook: hostile
title: 'Title <script>globalThis.owned=1</script>'
params:
  given: { type: string }
---
# Title <script>globalThis.owned=1</script>

Raw ${script} and [a link](javascript:globalThis.owned=1), ![a picture](https://elsewhere.example/x.png "t"),
[one to data](data:text/html,<script>globalThis.owned=1</script>).

<div onclick="globalThis.owned=1">

${script}

</div>

${cell('say', `echo '${script}'\nprintf 'red \\033[31m \\342\\200\\256 turned\\n'\necho '{"html": "<script>globalThis.owned=1</script>"}' > "$PAWL_OUTPUT"`)}

\`\`\`manual { name=ask }
Do ${script} now.
\`\`\`
`;

/** A section over a list, and what is gone through at the end. */
export const family = `---
runbook: drain_all
title: Drain every node
params:
  nodes: { type: array, items: { type: string } }
---
# Drain every node

${cell('prepare', 'echo prepared')}

${'```sh { undo=prepare }\necho "taken back"\n```'}

## Every node { each="params.nodes" as=node max=2 }

One after the other.

${cell('look', 'echo "looking"')}

\`\`\`manual { name=drain }
Drain {{ node }}.
\`\`\`

## When it fails { on=failure }

${cell('tell', 'echo "it failed"')}
`;

/** What it did can be taken back; what it left otherwise stays. */
export const undoable = `---
runbook: move_over
title: Move over to the new cluster
---
# Move over

${cell('open_gate', 'echo "the gate is open"')}

${cell('copy', 'echo "copied"')}

${cell('point_dns', 'echo "no such zone" >&2\nexit 4')}

${'```sh { undo=open_gate }\necho "the gate is shut"\n```'}
`;

/** Done, but not to be taken back. */
export const hopeless = undoable
  .replace('runbook: move_over', 'runbook: move_hopeless')
  .replace('echo "the gate is shut"', 'echo "it is stuck" >&2\nexit 5');

/** Its output is read by parts. */
export const large = `---
runbook: large_output
title: Lists everything
---
# Lists everything

${cell('list', `node -e 'console.log(JSON.stringify(Array.from({ length: 250000 }, (_, n) => "object-" + n)))' > "$PAWL_OUTPUT"`)}
`;

/** Waits for what others know. */
export const awaiting = `---
runbook: roll_out
title: Roll out once the tests have passed
---
# Roll out

\`\`\`await { name=tested }
claim: ci/pr-7
until: supported
\`\`\`

${cell('roll', 'echo rolled')}
`;

/** Its last step belongs to a place that nobody serves. */
export const elsewhere = `---
runbook: far_away
title: Ends at another place
---
# Ends at another place

${cell('here', 'echo here')}

${cell('there', 'echo there', ' at=bastion')}
`;

/** Parameters of every kind; what it would do follows from them. */
export const rollout = (over: { text?: string; region?: string } = {}): string => `---
runbook: rollout
title: Roll a version out
params:
  service: { type: string, pattern: "^[a-z-]+$", description: as the registry calls it }
  pr: { type: integer, minimum: 1 }
  region: { type: string, enum: [eu-west-1, ${over.region ?? 'us-east-1'}], default: eu-west-1 }
  urgent: { type: boolean, default: false }
  hosts: { type: array, items: { type: string }, default: [] }
  version: { type: string, default: newest }
  pin: { type: string, default: "0000", writeOnly: true }
---
# Roll a version out

${over.text ?? 'Takes a build to every host, one after the other.'}

${cell('fetch', 'echo "fetching"')}

${'```sh { undo=fetch }\necho "forgotten"\n```'}

## Every host { each="params.hosts" as=host max=2 name=hosts }

${cell('place', 'echo "placing"')}

## Afterwards

\`\`\`approve { name=go approvers="bob, carol" expires=1h }
Shall **{{ params.service }}** of pull request {{ params.pr }} serve {{ params.region }}?
\`\`\`

${cell('switch', 'echo "switched"')}
`;

/** What others wrote, where it is asked for and where it is shown before anything runs. */
export const hostileForm = `---
runbook: hostile_form
title: 'Form <script>globalThis.owned=1</script>'
params:
  given: { type: string, title: '${script}', description: '${script}', default: '${script}' }
  which: { type: string, enum: ['${script}', "\\u202etext"], default: '${script}' }
---
# Form <script>globalThis.owned=1</script>

Raw ${script}.

${cell('say', `echo '${script}'`)}

\`\`\`manual { name=ask }
Do {{ params.given }} and ${script} now.
\`\`\`
`;

/** Its probe was asked, and does not know either. */
export const probed = `---
runbook: probed
title: Book the seats
---
# Book the seats

${cell('book', 'echo "booking"\nkill -9 $$', ' interrupted=probe settle=1s timeout=5s')}

${'```sh { probe=book timeout=1m }\necho "asking the ledger"\necho \'{"answer": "unsure"}\' > "$PAWL_OUTPUT"\n```'}

${cell('after', 'echo after')}
`;
