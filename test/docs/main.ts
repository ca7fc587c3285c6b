/** `npm run pages`: runs the commands of docs/runbooks.md and docs/tutorial.md, and writes what they print into these. */
import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { readPage, run } from './blocks.ts';
import { echoService } from './echo.ts';

const docs = join(import.meta.dirname, '../../docs');

/** Nothing of this machine, and nothing that a shell says in its own time. */
const plain = (text: string, base: string): string =>
  text
    .replace(/^.*\bKilled\b.*\n?/gm, '')
    .replaceAll(base, 'http://127.0.0.1:8080')
    .replaceAll(new RegExp(`\\b${hostname().replaceAll('.', '\\.')}:\\d+`, 'g'), 'laptop:4711')
    .replace(/\n+$/, '\n');

for (const name of ['runbooks.md', 'tutorial.md']) {
  const page = await readPage(name);
  const { base, close } = await echoService();
  const printed = await run(page, { BASE: base, PAWL_HTTP_ALLOW: new URL(base).host });
  await close();
  const blocks = page.commands.map(({ command }, at) => {
    const text = plain(printed[at] ?? '', base);
    return `$ ${command.replaceAll('\n', '\n> ')}\n${text === '\n' ? '' : text}`;
  });
  const text = await readFile(join(docs, name), 'utf8');
  const written = text.replace(/^(```console\n)(.*?)^```$/gms, (_, begin: string, block: string) => {
    const count = block.match(/^\$ /gm)?.length ?? 0;
    return `${begin}${blocks.splice(0, count).join('')}\`\`\``;
  });
  await writeFile(join(docs, name), written);
}
