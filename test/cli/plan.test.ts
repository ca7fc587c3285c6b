/** `pawl plan` tells all that an author says of how a cell is carried out. */
import { expect, test } from 'vitest';
import { authoringWith } from '../../src/authoring/index.ts';
import { attributesOf, type CellAttribute, kinds, undoAttributesOf } from '../../src/authoring/kinds.ts';
import { printPlan } from '../../src/cli/planScreen.ts';
import type { Screen } from '../../src/cli/screen.ts';
import { planOf } from '../../src/engine/index.ts';
import { someTasks } from '../support/tasks.ts';

const authoring = authoringWith(someTasks('charge', 'refund'));
const all = [...new Set([...kinds.flatMap(attributesOf), ...undoAttributesOf('sh')])];
const expects = '\n```cel { expect=a }\nstatus == "completed"\n```\n';
const fence = (info: string, body: string): string => `\`\`\`${info}\n${body}\n\`\`\`\n${expects}`;
const sh = (attributes: string): string => fence(`sh { name=a ${attributes} }`, 'true');
const http = (attributes: string, method = 'GET'): string =>
  fence(`http { name=a ${attributes} }`, `${method} https://example.com/`);
const await_ = (attributes: string): string =>
  `\`\`\`await { name=a ${attributes} }\nclaim: x\nuntil: supported\n\`\`\`\n`;
const dry = '```sh { name=b }\ntrue\n```\n';
const approve = (attributes: string): string => `\`\`\`approve { name=a ${attributes} }\nMay it?\n\`\`\`\n`;
const aws = (attributes: string, action = 'ListTables'): string =>
  fence(
    `aws { name=a ${attributes.includes('service=') ? '' : 'service=dynamodb '}action=${action} ${attributes} }`,
    '',
  );
const task = (name: string): string => fence(`task { name=a task=${name} }`, '');
const wait = (attributes: string): string => `\`\`\`wait { name=a ${attributes} }\n\`\`\`\n`;
const probed = (attributes: string): string =>
  `${sh(`interrupted=probe ${attributes}`)}\n\`\`\`sh { probe=a }\ntrue\n\`\`\`\n`;

const undo = (attributes: string): string => `\n\`\`\`sh { undo=a ${attributes} }\ntrue\n\`\`\`\n`;
const run = (attributes: string): string => `\`\`\`run { name=a ${attributes} }\nrunbook: other\n\`\`\`\n`;
const end = (attributes: string): string => `\`\`\`end { name=a when="true" ${attributes} }\n\`\`\`\n`;

/** A cell without the attribute, and with it. */
const pairs: Record<Exclude<CellAttribute, 'name' | 'escape'>, [without: string, having: string]> = {
  timeout: [sh(''), sh('timeout=3s')],
  retry: [sh(''), sh('retry=2')],
  retryOn: [sh('retry=2'), sh('retry=2 retryOn=unexpected')],
  interrupted: [sh(''), sh('interrupted=continue')],
  settle: [probed(''), probed('settle=7s')],
  keyWindow: [sh(''), sh('keyWindow=1d')],
  when: [sh(''), sh('when="true"')],
  optional: [sh(''), sh('optional')],
  undo: [sh(''), `${sh('')}${undo('')}`],
  of: [`${sh('')}${undo('')}`, `${sh('')}${undo('of=begun')}`],
  as: [end(''), end('as=failed')],
  poll: [http(''), http('poll=5s within=1h')],
  within: [http('poll=5s within=1h'), http('poll=5s within=2h')],
  holds: [http('poll=5s'), http('poll=5s holds=30m')],
  times: [http('poll=5s holds=30m'), http('poll=5s times=3')],
  onTimeout: [http('poll=5s within=1h'), http('poll=5s within=1h onTimeout=continue')],
  failedOn: [http('', 'POST'), http('failedOn=500', 'POST')],
  unknownOn: [http('', 'POST'), http('unknownOn=404', 'POST')],
  cookies: [http(''), http('cookies=keep')],
  redirects: [http(''), http('redirects=3')],
  sigv4: [http(''), http('sigv4="execute-api eu-west-1"')],
  service: [aws(''), aws('service=sqs', 'ListQueues')],
  action: [aws(''), aws('', 'DescribeLimits')],
  region: [aws(''), aws('region=eu-west-1')],
  role: [aws(''), aws('role=arn:aws:iam::123456789012:role/r')],
  at: [sh(''), sh('at=bastion')],
  programs: [sh(''), sh('programs=jq')],
  uses: [sh(''), sh('uses=KEY')],
  env: [sh(''), sh('env=KUBECONFIG')],
  task: [task('charge'), task('refund')],
  errexit: [sh(''), sh('errexit=off')],
  shell: [sh(''), sh('shell=bash')],
  approvers: [approve('approvers=alice'), approve('approvers=bob')],
  groups: [approve('groups=sre'), approve('groups=dba')],
  quorum: [approve('groups=sre'), approve('groups=sre quorum=2')],
  self: [approve('groups=sre'), approve('groups=sre self=true')],
  expires: [approve('groups=sre'), approve('groups=sre expires=1d')],
  default: [approve('groups=sre expires=1d'), approve('groups=sre expires=1d default=approve')],
  shows: [dry + approve('groups=sre'), dry + approve('groups=sre shows=b.log')],
  onReject: [approve('groups=sre'), approve('groups=sre onReject=continue')],
  for: [wait('for=1h'), wait('for=2h')],
  until: [wait('for=1h'), wait('until="2030-01-01T00:00:00Z"')],
  cron: [wait('cron="0 9 * * *"'), wait('cron="0 8 * * *"')],
  each: [run(''), run('each=[1]')],
  max: [run('each=[1]'), run('each=[1] max=2')],
  stopAfter: [run('each=[1]'), run('each=[1] stopAfter=2')],
  output: [run(''), run('output="outputs.one"')],
  tz: [wait('cron="0 9 * * *"'), wait('cron="0 9 * * *" tz="Europe/Berlin"')],
};

const shown = (cell: string): string => {
  const compiled = authoring.compile(`---\nrunbook: demo\nsecrets: { KEY: { from: "ssm:/pawl/key" } }\n---\n\n${cell}`);
  if (compiled.kind === 'problems') throw new Error(JSON.stringify(compiled.problems));
  const lines: string[] = [];
  const screen = { print: (line = '') => lines.push(line), paint: (_: string, text: string) => text, width: 200 };
  printPlan(screen as unknown as Screen, planOf(authoring, compiled.runbook, {}));
  return lines.join('\n');
};

test('of a section with parallel the parts are shown, and in which of them each cell stands', () => {
  const part = (name: string): string => `### ${name} { name=${name} }\n\`\`\`sh { name=in_${name} }\ntrue\n\`\`\`\n`;
  const lines = shown(`## Both { name=both parallel }\n${part('eu')}${part('us')}`).split('\n');
  expect(lines.filter((line) => / line \d+$|parts|"eu"/.test(line))).toEqual([
    ' 1  both  parallel, line 6',
    '    its parts beside each other: a section of 2 cells, all at a time; no more begin after 1 halted, in doubt or given up',
    '    | ["eu","us"]: 2 elements',
    '   2  in_eu  sh in eu, line 8',
    '   3  in_us  sh in us, line 12',
  ]);
});

test('every attribute that a cell may have is tried here', () => {
  // The name is shown anyway, and how values are escaped shows in the request itself.
  expect([...Object.keys(pairs), 'name', 'escape'].sort()).toEqual([...all].sort());
});

test.each(Object.entries(pairs))('%s shows', (_attribute, [without, having]) => {
  expect(shown(having)).not.toBe(shown(without));
});

test('a time-out of an await shows', () => {
  expect(shown(await_('timeout=3d'))).not.toBe(shown(await_('')));
});
