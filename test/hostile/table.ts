/**
 * The list of hostile inputs, entry by entry, with the tests that show each. Tests of this folder begin with
 * `hostile N:` and are not repeated here. `shown` names tests elsewhere; `open` says which part has no test, and why.
 *
 * The list also wants answers within 100 or 200 ms. No test of ours asserts a time: what bounds it are limits that are
 * asserted by name (`sourceBytesMax`, `cellsPerRunbookMax`, `expressionCharsMax`, the depth of YAML and of expressions),
 * and 11 and 20 end at all.
 */
export type Row = { entry: number; input: string; shown?: [file: string, test: string][]; open?: string };

const onLambda = 'a sandbox of Lambda is needed: the issue that deploys to AWS for its tests brings this one';

export const table: Row[] = [
  { entry: 1, input: 'YAML alias bomb' },
  { entry: 2, input: '5,000 nested [' },
  { entry: 3, input: '!!js/function, unknown tag' },
  { entry: 4, input: 'a key twice' },
  { entry: 5, input: 'merge key with __proto__' },
  { entry: 6, input: '10 MB template' },
  { entry: 7, input: 'cell id ../x, a#b, empty, 1 KB' },
  { entry: 8, input: '__proto__, constructor, toString as input name' },
  { entry: 9, input: '10,001 cells' },
  {
    entry: 10,
    input: 'POST declared safe without a key header',
    shown: [['cells/http.test.ts', 'send the key and answer with status, headers and body; large integers survive']],
  },
  { entry: 11, input: 'Markdown of 100,000 marks', shown: [['authoring/compile.test.ts', '100,000 of %j end']] },
  {
    entry: 12,
    input: 'raw script, javascript: link, SVG onload',
    shown: [
      [
        'handlers/votes.test.ts',
        'shows what is asked, escaped, with a form and no script; nothing is loaded from elsewhere',
      ],
    ],
    open: 'a rendered document has no surface yet: the issue that brings the web console brings its test',
  },
  { entry: 13, input: 'a fence claiming another language’s runner' },
  {
    entry: 14,
    input: 'what was shown differs from what is approved',
    shown: [['handlers/votes.test.ts', 'about something else than was shown is refused, and recorded nowhere']],
  },
  {
    entry: 15,
    input: 'approver is whoever started it',
    shown: [['handlers/votes.test.ts', 'of the one who started it is refused, unless the cell allows it']],
    open: 'of a version its author is not compared with the approver: approvals are about runs, none is about publishing yet',
  },
  { entry: 16, input: 'version swapped while an instance runs' },
  {
    entry: 17,
    input: 'constructor of a constructor',
    shown: [['authoring/values.test.ts', '%s reaches no prototype (hostile 17–19)']],
  },
  {
    entry: 18,
    input: 'the same by template literal',
    shown: [['authoring/values.test.ts', '%s reaches no prototype (hostile 17–19)']],
  },
  { entry: 19, input: '__proto__.x = 1' },
  {
    entry: 20,
    input: 'repeat, power, recursion',
    shown: [['authoring/values.test.ts', 'matches() is linear, and what costs too much is an error (hostile 20)']],
  },
  { entry: 21, input: 'getter, Proxy, toJSON in an output' },
  { entry: 22, input: 'the metadata service' },
  { entry: 23, input: '127.0.0.1:9001 and localhost.' },
  { entry: 24, input: '[::1], [::], 0.0.0.0, fe80::1%25eth0' },
  {
    entry: 25,
    input: 'one public, one private address',
    shown: [['cells/http.test.ts', 'a name with one public and one private address']],
  },
  {
    entry: 26,
    input: 'a name that changes',
    shown: [
      ['cells/http.test.ts', 'the connection goes to the address that was checked, not to what the name says later'],
    ],
  },
  { entry: 27, input: '302 to metadata' },
  { entry: 28, input: 'file:, ftp:, data:, gopher:' },
  { entry: 29, input: 'header with CR LF' },
  {
    entry: 30,
    input: 'header Host or Authorization set by a template',
    shown: [['cells/secrets.test.ts', 'to another host is refused before anything is sent']],
    open: 'Authorization may be filled in, as the design’s own example does: a secret in it goes to its hosts alone',
  },
  {
    entry: 31,
    input: 'endless body',
    shown: [['cells/http.test.ts', 'a body beyond the limit is cut, with the size so far (hostile 31)']],
  },
  { entry: 32, input: 'gzip bomb' },
  {
    entry: 33,
    input: 'one byte a minute',
    shown: [['cells/http.test.ts', 'no answer in time, or one byte a moment: it may have happened (hostile 33)']],
  },
  {
    entry: 34,
    input: 'Retry-After of ten years',
    shown: [['engine/repeating.test.ts', 'for ten years is asked again after retryAfterMsMax (hostile 34)']],
  },
  { entry: 35, input: 'redirect with credentials' },
  { entry: 36, input: 'TLS: wrong name, self-signed, expired' },
  {
    entry: 37,
    input: 'environ of the engine',
    shown: [
      ['cells/code.test.ts', 'nothing of the engine is in the environment, of the cell or of its parent (hostile 37)'],
      [
        'cells/reach.test.ts',
        'has an environment of its own, and else reaches what the user reaches who runs the engine',
      ],
    ],
    open: `the engine’s own process is readable under /proc by the same user, and /var/task is: docs/security.md says so, and a test shows it; that the role of execute-cell can do nothing with it is asserted on the template, not on AWS: ${onLambda}`,
  },
  {
    entry: 38,
    input: 'the runtime API',
    shown: [['infra/package.test.ts', 'of %s: its log; whatever is attached to it, nothing of Pawl']],
    open: `that a forged answer of the runtime is flagged: ${onLambda}`,
  },
  {
    entry: 39,
    input: 'print AWS_SESSION_TOKEN',
    shown: [
      ['cells/code.test.ts', 'nothing of the engine is in the environment, of the cell or of its parent (hostile 37)'],
      ['infra/package.test.ts', 'of %s: its log; whatever is attached to it, nothing of Pawl'],
    ],
    open: `the token is not handed over, but can be read under /proc by a cell that looks for it (docs/security.md), and is no secret that masking knows`,
  },
  {
    entry: 40,
    input: 'fork bomb',
    open: `only a bounded one is tried; a limit on processes is the sandbox’s: ${onLambda}`,
  },
  {
    entry: 41,
    input: '1 GB to stdout',
    shown: [
      [
        'cells/code.test.ts',
        '300 MB on standard output neither block nor grow: beginning and end, with the limits named (hostile 41)',
      ],
    ],
    open: 'tried with 300 MB: of what comes after the first half MB only the end is kept, so that more of it shows no more',
  },
  {
    entry: 42,
    input: 'fill /tmp',
    shown: [['cells/code.test.ts', 'its temporary folder is removed, also when the cell made parts of it unwritable']],
    open: `a cell that writes beside its folder, and failed(disk): no quota stands on a local disk; ${onLambda}`,
  },
  {
    entry: 43,
    input: 'allocate 10 GB',
    shown: [
      [
        'cells/code.test.ts',
        'memory beyond the limit ends the cell, not the machine; it may have happened (hostile 43)',
      ],
    ],
    open: `the limit is V8’s, of its heap: buffers and the memory of sh cells are bounded by the sandbox alone; ${onLambda}`,
  },
  {
    entry: 44,
    input: 'while(1), deaf to SIGTERM',
    shown: [
      ['cells/code.test.ts', 'its time-out kills it, however deaf, and it is unknown whether it happened (hostile 44)'],
    ],
  },
  {
    entry: 45,
    input: 'kill(ppid)',
    shown: [['cells/code.test.ts', 'a runner that is killed: unknown, and its child is gone']],
  },
  {
    entry: 46,
    input: 'patched prototypes',
    shown: [['cells/code.test.ts', 'what one cell does to its prototypes does not reach the next (hostile 46)']],
  },
  {
    entry: 47,
    input: 'outputs that are none',
    shown: [['cells/code.test.ts', 'a return of %s is no JSON: it completed, and its output cannot be read']],
  },
  {
    entry: 48,
    input: 'a promise left running',
    shown: [['cells/code.test.ts', 'a promise left running ends with the return (hostile 48)']],
  },
  {
    entry: 49,
    input: 'a canary secret in the log',
    shown: [
      ['cli/secrets.test.ts', 'no form of them is in anything that the commands print'],
      ['cli/secrets.test.ts', 'nor in any file of the data folder, or of a backup of it'],
    ],
    open: 'reversed, or letter by letter, it is out of reach (docs/security.md)',
  },
  {
    entry: 50,
    input: 'JWT that is none',
    shown: [['infra/package.test.ts', 'asks for a token instead when it is deployed with auth=jwt']],
    open: `the signature is checked by API Gateway, not by Pawl: ${onLambda}`,
  },
  { entry: 51, input: 'an instance of another tenant: of another deployment, here' },
  {
    entry: 52,
    input: 'tenant in the body',
    shown: [['handlers/permissions.test.ts', 'it is never taken from a body']],
  },
  { entry: 53, input: 'a against ab' },
  {
    entry: 54,
    input: '200 parallel advances',
    shown: [
      [
        'service/service.test.ts',
        '64 callers at once, one effect: one is told 200, the others who holds the step or that it moved on',
      ],
    ],
  },
  {
    entry: 55,
    input: 'an outcome under a foreign token',
    shown: [
      ['engine/unrecorded.test.ts', 'an outcome with the token of somebody else records nothing (hostile 55)'],
      ['engine/unrecorded.test.ts', 'as a note once a person has decided; the verdict stands'],
    ],
    open: 'no route takes an outcome, so none answers 409: an outcome comes from its holder, or by redrive, and these are tested',
  },
  {
    entry: 56,
    input: 'a forged tick, a million ids',
    shown: [
      [
        'infra/package.test.ts',
        'of api: entries, views, subscriptions, lists, work, execute-cell and execute-task, and nothing else',
      ],
    ],
  },
  { entry: 57, input: 'filter injection' },
  {
    entry: 58,
    input: 'verdicts that cannot be',
    shown: [['engine/doubt.test.ts', 'two operators at once: one wins, the other is told (hostile 58)']],
  },
  {
    entry: 59,
    input: 'deleting from the journal',
    shown: [
      ['infra/package.test.ts', '%s may never alter an append-only table, whatever policy is attached to it'],
      ['infra/package.test.ts', 'audit alarms on any change of the append-only tables, and only of these'],
      ['handlers/audit.test.ts', 'an alteration is an error in the log, with table, key and who did it, and counts'],
    ],
  },
  {
    entry: 60,
    input: 'a scanner on an approval link',
    shown: [
      [
        'handlers/votes.test.ts',
        'shows and changes nothing when it is read, however often; votes when it is posted, once',
      ],
    ],
  },
  {
    entry: 61,
    input: 'a link used again',
    shown: [
      ['handlers/votes.test.ts', 'used by ten at once it votes once'],
      [
        'handlers/votes.test.ts',
        'shows and changes nothing when it is read, however often; votes when it is posted, once',
      ],
    ],
    open: 'whoever used it is answered 410 like everybody: a link says which vote it is for, and not who holds it',
  },
  { entry: 62, input: 'a link after expiry', shown: [['handlers/votes.test.ts', 'ends with its approval']] },
  {
    entry: 63,
    input: 'an approval after the time-out',
    shown: [['handlers/votes.test.ts', 'after expiry is refused, whatever the default decides then']],
  },
  {
    entry: 64,
    input: '1,000 guesses a minute',
    shown: [
      [
        'engine/votes.test.ts',
        'are refused when guessed, over, of another approval, or made by or for whoever may not vote',
      ],
      ['infra/package.test.ts', 'slows down whoever guesses one-time links, to less than 1,000 a minute'],
    ],
    open: `that API Gateway then answers 429: ${onLambda}`,
  },
  {
    entry: 65,
    input: 'forged webhooks',
    open: 'there are no webhooks yet: the issue that brings events brings this test',
  },
  {
    entry: 66,
    input: 'a cross-site POST',
    shown: [
      ['service/service.test.ts', 'answers programs of this machine, not pages of others'],
      [
        'handlers/permissions.test.ts',
        'with %s a page of somebody else, which a browser sends the cookies along with, is nobody, and nothing happens',
      ],
    ],
  },
  { entry: 67, input: 'a cell that fails for ever' },
  {
    entry: 68,
    input: 'a timer far ahead or in the past',
    shown: [['authoring/waiting.test.ts', 'too far ahead, or never, is an error that says so']],
  },
  {
    entry: 69,
    input: '100,000 due in one minute',
    shown: [
      [
        'handlers/tick.test.ts',
        '100,000 that are due in one minute are spread over ticks: each in its time, all parts alike, none lost',
      ],
      ['handlers/tick.test.ts', 'every part gets its first page before any gets a second one'],
      ['cli/handedOn.test.ts', 'what waits for its turn waits once, however often it is found due meanwhile'],
    ],
    open: 'with a real store not at that size: `npm run bench:scale` wakes 10,000 waiters at once, on DynamoDB Local',
  },
  {
    entry: 70,
    input: 'deployed in mid-step, restored, clock ten minutes wrong',
    shown: [
      [
        'service/process.test.ts',
        'kill -9 in mid-cell: the cell dies too; after a restart the one may be repeated, about the other a person decides',
      ],
      [
        'failures/scenarios-time.test.ts',
        'scenario 11: after a restore the epoch holds what is unfinished: a forgotten reservation is not made again by itself',
      ],
      [
        'failures/scenarios-time.test.ts',
        'scenario 9: a process whose wall clock is two hours wrong writes the server’s time',
      ],
      [
        'engine/placesHard.test.ts',
        'a process that dies in mid-step leaves it due at its own place; home finds it there, and nobody waits for ever',
      ],
    ],
  },
];
