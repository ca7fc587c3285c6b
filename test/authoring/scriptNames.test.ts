/** Names in a script that can never be there are refused when it is published; what cannot be known is left to the shell. */
import { expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';

const head =
  '---\nrunbook: demo\nparams: { n1: { type: string }, hosts: { type: array }, myDir: { type: string } }\n---\n';
/** The script begins in line 9. */
const problems = (script: string, attributes = ''): string[] => {
  const compiled = authoring.compile(
    `${head}\`\`\`sh { name=leader }\ntrue\n\`\`\`\n\`\`\`sh { name=a ${attributes}}\n${script}\n\`\`\`\n\`\`\`sh { name=later }\ntrue\n\`\`\`\n`,
  );
  return compiled.kind === 'runbook' ? [] : compiled.problems.map((p) => `${p.line}:${p.column} ${p.message}`);
};

test.each([
  ['echo "$PAWL_PARAM_1N"', '9:7 there is no parameter for `PAWL_PARAM_1N`; declare it under `params:`'],
  ['echo "${PAWL_PARAM_NOPE}"', '9:7 there is no parameter for `PAWL_PARAM_NOPE`; declare it under `params:`'],
  ['echo "${PAWL_PARAM_NOPE:-x}"', '9:7 there is no parameter for `PAWL_PARAM_NOPE`; declare it under `params:`'],
  ['echo "${#PAWL_PARAM_NOPE}"', '9:7 there is no parameter for `PAWL_PARAM_NOPE`; declare it under `params:`'],
  ['echo $PAWL_PARAM_mydir', '9:6 there is no parameter for `PAWL_PARAM_mydir`; did you mean `PAWL_PARAM_MYDIR`?'],
  [
    'true\nx="$(echo "it\'s $PAWL_PARAM_HOST")"',
    '10:17 there is no parameter for `PAWL_PARAM_HOST`; did you mean `PAWL_PARAM_HOSTS`?',
  ],
  [
    "cat <<END\nit's $PAWL_PARAM_NOPE\nEND",
    '10:6 there is no parameter for `PAWL_PARAM_NOPE`; declare it under `params:`',
  ],
  [
    '#!/bin/bash\n# $PAWL_PARAM_NO is none\necho $PAWL_PARAM_NO',
    '11:6 there is no parameter for `PAWL_PARAM_NO`; did you mean `PAWL_PARAM_N1`?',
  ],
  ['cat "$PAWL_PARAMS/host.txt"', '9:6 there is no parameter `host`; did you mean `hosts`?'],
  ['cat "${PAWL_PARAMS}"/nope.json', '9:6 there is no parameter `nope`; declare it under `params:`'],
  ['cat "$PAWL_PARAMS/HOSTS.txt"', '9:6 there is no parameter `HOSTS`; did you mean `hosts`?'],
  ['cat "$PAWL_PARAMS/nope.deep.txt"', '9:6 there is no parameter `nope`; declare it under `params:`'],
  [
    'cat "$PAWL_PARAMS/hosts"',
    '9:6 there is never a file `hosts`: they are `NAME.json`, `NAME.txt` and `NAME.FIELD.txt`',
  ],
  ['cat $PAWL_OUTPUTS/leadr.txt', '9:5 there is no cell `leadr` whose output could be read; did you mean `leader`?'],
  [
    'cat "$PAWL_OUTPUTS/later.json"',
    '9:6 cell `later` stands later (line 11); only outputs of earlier cells can be read',
  ],
])('%s is refused', (script, says) => {
  expect(problems(script)).toEqual([says]);
});

test.each([
  'echo "$PAWL_PARAM_N1 ${PAWL_PARAM_HOSTS} ${PAWL_PARAM_MYDIR%/}"',
  'PAWL_PARAM_OWN=1; echo "$PAWL_PARAM_OWN"',
  'export PAWL_PARAM_OWN; echo "$PAWL_PARAM_OWN"',
  'read -r PAWL_PARAM_OWN < f; echo "$PAWL_PARAM_OWN"',
  'for PAWL_PARAM_OWN in a b; do echo "$PAWL_PARAM_OWN"; done',
  ': "${PAWL_PARAM_OWN:=x}"; echo "$PAWL_PARAM_OWN"',
  "eval 'PAWL_PARAM_OWN=1'; echo $PAWL_PARAM_OWN",
  '# as $PAWL_PARAM_NOPE was, or "$PAWL_PARAMS/nope.txt"\ntrue # $PAWL_PARAM_NOPE',
  'ssh -n host \'echo $PAWL_PARAM_NOPE "$PAWL_PARAMS/nope.txt"\'',
  'x="$(ssh -n host \'echo $PAWL_PARAM_NOPE\')"',
  "printf %s $'it\\'s $PAWL_PARAM_NOPE'",
  "ssh host sh <<'END'\necho $PAWL_PARAM_NOPE\nEND",
  'eval "echo \\$PAWL_PARAM_$1 \\$PAWL_PARAM_NOPE"',
  'echo "${!PAWL_PARAM_*}"; env | grep ^PAWL_PARAM_',
  'printenv PAWL_PARAM_NOPE || true',
  '#!/usr/bin/env perl\nprint "$PAWL_PARAM_NOPE";',
  'cat "$PAWL_PARAMS/hosts.txt" "$PAWL_PARAMS"/myDir.json "$PAWL_PARAMS/hosts.deep.txt"; ls "$PAWL_PARAMS"/*',
  'for n in a b; do cat "$PAWL_PARAMS/$n.txt" "$PAWL_PARAMS/x$n.txt" "$PAWL_PARAMS/x"*; done',
  'sort "$PAWL_PARAMS/hosts.txt" > "$PAWL_PARAMS/sorted"; cat "$PAWL_PARAMS/sorted"',
  'echo a | tee -a "$PAWL_OUTPUTS/mine.txt"; cat "$PAWL_OUTPUTS/mine.txt"',
  'cat "$PAWL_OUTPUTS/leader.node.txt" "$PAWL_OUTPUTS/leader.json"',
])('%s is left to the shell', (script) => {
  expect(problems(script)).toEqual([]);
});

test('nothing is said of parameters when the front matter cannot be read', () => {
  const compiled = authoring.compile('# No front matter\n\n```sh { name=a }\necho "$PAWL_PARAM_NOPE"\n```\n');
  expect(JSON.stringify(compiled)).not.toContain('PAWL_PARAM_NOPE`');
});

test('a probe is read in the same way', () => {
  const compiled = authoring.compile(
    `${head}\`\`\`sh { name=a interrupted=probe }\ntrue\n\`\`\`\n\`\`\`sh { probe=a }\necho "$PAWL_PARAM_NOPE"\n\`\`\`\n`,
  );
  expect(JSON.stringify(compiled)).toContain('there is no parameter for `PAWL_PARAM_NOPE`');
});

test('a script as large as a document may be is read in one go, whatever it is full of', () => {
  const kindOf = (piece: (n: number) => string) => {
    const script = Array.from({ length: 10_000 }, (_, n) => piece(n)).join('');
    return authoring.compile(`${head}\`\`\`sh { name=a }\n${script}\n\`\`\`\n`).kind;
  };
  expect(kindOf((n) => `$PAWL_PARAM_N${n} `)).toBe('problems');
  expect(kindOf((n) => `<<a${n} `)).toBe('runbook');
  expect(kindOf((n) => `<<a${n}\n`)).toBe('runbook');
  expect(kindOf(() => '<<a\na\n')).toBe('runbook');
  expect(kindOf((n) => `>"$PAWL_PARAMS/x${n}" cp `)).toBe('runbook');
  expect(kindOf(() => "$'\\'")).toBe('runbook');
  expect(kindOf(() => '"$(')).toBe('runbook');
});
