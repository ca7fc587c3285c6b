/**
 * `npm run pictures`: makes docs/pictures/*.svg, what a terminal shows of the incident in docs/tutorial.md. The commands are
 * really run, on a terminal of their own (`script`, of util-linux), with colours.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const columns = 98;
const folder = mkdtempSync(join(tmpdir(), 'pawl-pictures-'));

const source = /^````markdown\n(---\nrunbook: failover\n.*?)^````$/ms.exec(
  readFileSync(join(root, 'docs/tutorial.md'), 'utf8'),
)?.[1];
if (source === undefined) throw new Error('docs/tutorial.md has no runbook `failover`.');
writeFileSync(join(folder, 'failover.md'), source);

const environment = { PATH: process.env.PATH, HOME: folder, TERM: 'xterm-256color', LANG: 'C.UTF-8' };
const pawl = `pawl() { '${process.execPath}' '${join(root, 'bin/pawl.js')}' "$@"; }`;
const shell = (script: string, actor = 'alice'): string =>
  spawnSync('bash', ['-c', `${pawl}\n${script}`], {
    cwd: folder,
    env: { ...environment, PAWL_ACTOR: actor, NO_COLOR: '1' },
    encoding: 'utf8',
  }).stdout;

/** What a person sees: a line that was drawn anew is there once. */
const onTerminal = (command: string): string[] => {
  const script = `stty cols ${columns} rows 40; ${pawl}; ${command}`;
  const { stdout, status } = spawnSync(
    'script',
    ['-qec', `bash -c '${script.replaceAll("'", `'\\''`)}'`, '/dev/null'],
    {
      cwd: folder,
      env: { ...environment, PAWL_ACTOR: 'alice' },
      encoding: 'utf8',
    },
  );
  if (status === null) throw new Error('`script` is needed (Debian: bsdutils).');
  const lines = stdout.replaceAll('\r\n', '\n').replaceAll(hostname(), 'laptop').trimEnd().split('\n');
  return lines.map((line) => (line.split('\u001b[2K').at(-1) ?? '').replaceAll('\r', ''));
};

const colours: Record<string, string> = {
  '1': 'font-weight="bold"',
  '2': 'fill="#8b949e"',
  '31': 'fill="#ff7b72"',
  '32': 'fill="#7ee787"',
  '33': 'fill="#e3b341"',
};
/** SVG puts spaces together, but for those that do not break. */
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll(' ', '\u00a0');

const spans = (line: string): string => {
  const parts: string[] = [];
  let style = '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  for (const piece of line.split(/(\u001b\[[\d;]*m)/)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
    const code = /^\u001b\[([\d;]*)m$/.exec(piece)?.[1];
    if (code !== undefined) style = colours[code] ?? '';
    else if (piece !== '') parts.push(style === '' ? escaped(piece) : `<tspan ${style}>${escaped(piece)}</tspan>`);
  }
  return parts.join('');
};

const charPx = 8.4;
const linePx = 20;
const picture = (title: string, lines: string[]): string => {
  const [width, height] = [Math.round(columns * charPx + 40), lines.length * linePx + 64];
  const rows = lines.map((line, at) => `<text x="20" y="${60 + at * linePx}">${spans(line)}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">
<title>${title}</title>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g fill="#30363d"><circle cx="24" cy="22" r="6"/><circle cx="44" cy="22" r="6"/><circle cx="64" cy="22" r="6"/></g>
<g fill="#e6edf3" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14">
${rows.join('\n')}
</g>
</svg>
`;
};

const draw = (name: string, title: string, typed: string, command = typed): void => {
  const lines = [`\u001b[2m$\u001b[0m ${typed}`, ...onTerminal(command)];
  writeFileSync(join(root, 'docs/pictures', `${name}.svg`), picture(title, lines));
};

try {
  shell(`pawl run failover.md --instance tonight -p router="$PWD/router.log" > run.txt &
until grep -qs green router.log && grep -q look run.txt; do sleep 0.2; done; kill -9 $(pgrep -P $!) $! 2> /dev/null
until pawl doubts | grep -q "is in doubt, begun"; do sleep 1; done`);
  const again = 'pawl run failover.md --instance tonight -p router="$PWD/router.log"';
  draw('doubt', 'A step whose holder was killed: it is in doubt, and nothing is repeated', again);
  shell(
    'pawl verdict tonight --seq 2 --succeeded --reason "the router has switched"; pawl advance tonight --max-cells all',
  );
  const shown = /^Shown: (\w+)/m.exec(shell('pawl vote tonight agree', 'bob'))?.[1] ?? '';
  shell(`pawl vote tonight agree --approve --shown ${shown} --comment "graphs look right"`, 'bob');
  draw(
    'completed',
    'After a verdict and an approval the run goes on to its end',
    'pawl advance tonight --max-cells all',
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
