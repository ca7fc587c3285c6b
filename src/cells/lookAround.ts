/** What cells of this place could reach: a cell looks, run as all others are, and says it. */
import { randomBytes } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CellInput, PawlError } from '../engine/index.ts';
import { createCode } from './code.ts';
import type { CellsUser } from './user.ts';

export type Address = { host: string; port: number };
export type Asked = {
  /** Files that no cell should read. */
  readable: string[];
  /** Files and folders that no cell should change, or put another in the place of. */
  alterable: string[];
  /** That no cell should connect to. */
  addresses: readonly Address[];
};
export type Reach = { readable: string[]; alterable: string[]; reached: Address[] };

const timeoutMs = 30_000;
const connectMs = 500;

/** It looks only; that something is in reach is learnt from the connection alone. */
const code = `
import { accessSync, constants, statSync } from 'node:fs';
import { connect } from 'node:net';
const may = (path, mode) => { try { accessSync(path, mode); return true; } catch { return false; } };
const alters = (path) => {
  try {
    const { uid, mode } = statSync(path);
    // An owner can take any right. In a folder like /tmp nobody renames what is another's.
    if (uid === process.getuid()) return true;
    return may(path, constants.W_OK) && (mode & 0o1000) === 0;
  } catch { return false; }
};
const reaches = ({ host, port }) => new Promise((resolve) => {
  const socket = connect({ host, port });
  const end = (is) => { socket.destroy(); resolve(is); };
  setTimeout(end, ${connectMs}, false).unref();
  socket.on('connect', () => end(true)).on('error', () => end(false));
});
export default async ({ params: { readable, alterable, addresses } }) => {
  const reached = await Promise.all(addresses.map(reaches));
  return {
    ids: [process.getuid?.(), process.geteuid?.(), process.getgid?.(), process.getegid?.()],
    groups: process.getgroups?.(),
    readable: readable.filter((path) => may(path, constants.R_OK)),
    alterable: alterable.filter(alters),
    reached: addresses.filter((_, at) => reached[at]),
  };
};
`;

const above = (path: string): string[] => (dirname(path) === path ? [path] : [path, ...above(dirname(path))]);

const realOf = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
};

/** A path, and the folders above it, as it is written and where it leads: who can rename one can put another in its place. */
export const withAbove = (path: string): string[] => [...new Set([...above(resolve(path)), ...above(realOf(path))])];

/** What this process runs by: who could alter it would be who this process is. */
const ownPaths = (): string[] => {
  const runner = fileURLToPath(new URL('runner.mjs', import.meta.url));
  const programs = (process.env.PATH ?? '').split(':').filter((folder) => folder.startsWith('/'));
  // What Node keeps of compiled sources is run as it stands there.
  const compiled = getCompileCacheDir();
  const paths = [runner, process.execPath, tmpdir(), ...programs, ...(compiled === undefined ? [] : [compiled])];
  return [...new Set(paths.flatMap(withAbove))];
};

type Looked = Reach & { ids: number[]; groups: number[] };

/** @returns why no cell could look, in words */
const look = async (user: CellsUser | undefined, asked: Asked): Promise<Looked | string> => {
  const step = { instanceId: 'none', runbookId: 'none', version: 0, cell: 'look', seq: 0, visit: 1, attempt: 1 };
  const input: CellInput = {
    body: { kind: 'js', code },
    params: asked,
    outputs: {},
    step: { ...step, idempotencyKey: 'none', deadlineAtMs: 0 },
    execution: randomBytes(16).toString('hex'),
    timeoutMs,
    signal: new AbortController().signal,
    log: () => {},
  };
  const { output, error } = await createCode(user)(input);
  return output === undefined ? (error?.message ?? 'it said nothing') : (JSON.parse(output) as Looked);
};

/** As the cells of this process. @returns why it could not be looked, in words */
export const lookAround = async (asked: Asked): Promise<Reach | string> => await look(undefined, asked);

/**
 * As the user of cells.
 * @throws PawlError `request.invalid` where no cell runs as that user, or where one could become who this process is
 */
export const lookAroundAs = async (user: CellsUser, asked: Asked): Promise<Reach> => {
  const refuse = (why: string): never => {
    throw new PawlError('request.invalid', `Cells cannot run as ${user.name} (--cells-as, PAWL_CELLS_AS): ${why}`);
  };
  const own = ownPaths();
  const looked = await look(user, { ...asked, alterable: [...own, ...asked.alterable] });
  if (typeof looked === 'string') {
    const needed = [process.execPath, dirname(fileURLToPath(import.meta.url)), realOf(tmpdir())].join(', ');
    return refuse(`one that tried came to nothing (${looked}). That user must be able to reach ${needed}.`);
  }
  const { ids, groups, readable, alterable, reached } = looked;
  const [uid, euid, gid, egid] = ids;
  const isThat = uid === user.uid && euid === user.uid && gid === user.gid && egid === user.gid;
  if (!isThat || groups.some((group) => group !== user.gid))
    return refuse(`one that tried kept other rights (ids ${ids.join(', ')}, groups ${groups.join(', ')}).`);
  const theirs = alterable.filter((path) => own.includes(path));
  if (theirs.length > 0)
    return refuse(
      `that user could alter what this process itself runs by: ${theirs.join(', ')}. Take that right away.`,
    );
  return { readable, alterable: alterable.filter((path) => asked.alterable.includes(path)), reached };
};
