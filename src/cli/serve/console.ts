/** The page in the browser, as `npm run build:console` made it; a checkout makes it when it is first asked for. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type AskedFile, configPath, consoleConfig, createConsoleFiles } from '../../handlers/serving.ts';
import { fileOfPackage } from '../ownPackage.ts';
import { type Answered, problem } from './guard.ts';

const built = fileOfPackage('dist/console/');
const sources = fileOfPackage('src/console/');
const builder = fileOfPackage('scripts/console.ts');

const newestMs = (folder: URL): number =>
  Math.max(...readdirSync(folder, { recursive: true }).map((name) => statSync(new URL(String(name), folder)).mtimeMs));

/** Of a checkout it is made from what stands there; an installed package brings it. */
const isDue = (): boolean => {
  if (!existsSync(builder)) return false;
  const page = new URL('index.html', built);
  return !existsSync(page) || statSync(page).mtimeMs < newestMs(sources);
};

const buildIfDue = async (): Promise<void> => {
  if (isDue()) await promisify(execFile)(process.execPath, [fileURLToPath(builder)]);
};
let building: Promise<void> | undefined;

const files = createConsoleFiles(built);

/** @param actor whose browser it is, as its cookie says; the page cannot read that */
export const consoleAnswer = async (method: string, asked: AskedFile, actor: string | null): Promise<Answered> => {
  const { path } = asked;
  if (method !== 'GET' && method !== 'HEAD')
    return problem(405, 'method.refused', `There is no ${method} ${path}; the console has GET.`);
  if (path === configPath) return consoleConfig({ auth: 'local', actor });
  building ??= buildIfDue();
  try {
    await building;
  } catch (error) {
    building = undefined;
    const why = (error as Error).message.split('\n')[0];
    return problem(503, 'console.unbuilt', `The console could not be built; see \`npm run build:console\`: ${why}`);
  }
  return (await files(asked)) ?? problem(404, 'route.unknown', 'The console has no such file: load the page anew.');
};
