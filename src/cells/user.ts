/** Another user of this machine, as whom code cells run: so that they can read nothing of what this process can. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { PawlError } from '../engine/index.ts';

export type CellsUser = { name: string; uid: number; gid: number };

/** What root needs of itself for that, by bit; a container or a unit of systemd may have taken it away. */
const capabilities = {
  CHOWN: 0n,
  DAC_OVERRIDE: 1n,
  KILL: 5n,
  SETGID: 6n,
  SETUID: 7n,
  // Without it the environment of a process of another user cannot be read, and a cell's processes are found by that.
  SYS_PTRACE: 19n,
};

const refuse = (name: string, why: string): never => {
  throw new PawlError(
    'request.invalid',
    `Cells cannot run as ${JSON.stringify(name)} (--cells-as, PAWL_CELLS_AS): ${why}`,
  );
};

/** Names as the system knows them, whichever service has them; `uid:gid` for a user without a name, as in containers. */
const idsOf = async (name: string): Promise<[number, number]> => {
  const numeric = /^(\d{1,10}):(\d{1,10})$/.exec(name);
  if (numeric !== null) return [Number(numeric[1]), Number(numeric[2])];
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,255}\$?$/.test(name))
    return refuse(name, 'that is no name of a user. Name one of this machine, or give `uid:gid`.');
  const ask = async (option: string): Promise<number> => {
    const { stdout } = await promisify(execFile)('id', [option, '--', name], { encoding: 'utf8' });
    return /^\d+$/.test(stdout.trim()) ? Number(stdout) : Number.NaN;
  };
  try {
    return [await ask('-u'), await ask('-g')];
  } catch (error) {
    const { code } = error as { code?: unknown };
    return code === 'ENOENT'
      ? refuse(name, 'there is no program `id` here to ask for its number: give `uid:gid`.')
      : refuse(name, 'this machine knows no such user. Make one of its own for cells (`useradd --system`).');
  }
};

const lacking = (): string[] => {
  if (process.platform !== 'linux') return [];
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return Object.entries(capabilities)
    .filter(([, bit]) => ((BigInt(`0x${effective}`) >> bit) & 1n) === 0n)
    .map(([capability]) => `CAP_${capability}`);
};

/**
 * @param given name, or `uid:gid`
 * @throws PawlError `request.invalid` where cells cannot run as that user, or would gain nothing by it
 */
export const cellsUser = async (
  given: string,
  { own = process.geteuid?.() ?? null, lacks = lacking }: { own?: number | null; lacks?: () => string[] } = {},
): Promise<CellsUser> => {
  if (own === null) return refuse(given, 'this system knows no users by number. Leave it out.');
  const [uid, gid] = await idsOf(given);
  const max = 0xffff_fffe;
  if (!(uid <= max) || !(gid <= max)) return refuse(given, 'it has no number that a process could have.');
  if (uid === 0) return refuse(given, 'that is root, who may do everything. Name a user of its own for cells.');
  if (uid === own) return refuse(given, 'that is the user of this process itself. Name another one, or leave it out.');
  if (gid === 0) return refuse(given, "its group is root's. Give it a group of its own.");
  if (own !== 0)
    return refuse(
      given,
      'only root may begin a process as another user, and this one is not root. Run it as root, or leave it out.',
    );
  const missing = lacks();
  if (missing.length > 0)
    return refuse(given, `this process is root without ${missing.join(', ')}. Add that to the container or the unit.`);
  return { name: given, uid, gid };
};
