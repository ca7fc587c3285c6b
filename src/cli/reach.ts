/** What cells of a process that stays could reach beside their own, and what those before them have left, said at its start. */
import type { Address, Asked, Reach } from '../cells/index.ts';
import { allowFileOf } from '../places/index.ts';
import { plural } from './format.ts';
import { guardedFiles, plainEnvironment, type Settings } from './settings.ts';

type Looking = Pick<Settings, 'store' | 'dataDir' | 'allow' | 'cellsAs'>;

const named = ({ host, port }: Address): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

const storeOf = ({ store, dataDir }: Looking): string =>
  store.kind === 'embedded' ? `the store in ${dataDir}` : 'what is in its data folder';

/** Where its cells run as it does. */
const unprotected = (looking: Looking): string => {
  const what =
    looking.store.kind === 'embedded'
      ? storeOf(looking)
      : 'the credentials by which it writes the tables, from their file or the metadata of this machine';
  const user = process.getuid?.() === 0 ? 'as root' : 'as the same user';
  return `Its cells run ${user}: they could read ${what}, and write the journal with it. Run here only what you would let do that.`;
};

const listed = (paths: string[]): string =>
  paths.length <= 8 ? paths.join(', ') : `${paths.slice(0, 8).join(', ')} and ${paths.length - 8} more`;

/** Where they run as another user: what that one can do all the same. */
export const protectedText = (
  looking: Looking,
  { readable, alterable }: Pick<Reach, 'readable' | 'alterable'>,
): string => {
  const { cellsAs = '' } = looking;
  const can = [
    ...(readable.length > 0 ? [`read ${listed(readable)}`] : []),
    ...(alterable.length > 0 ? [`alter ${listed(alterable)}`] : []),
  ].join(' and ');
  const shared = 'Cells that run at the same time share that user, and can read what one another were given.';
  if (can !== '')
    return `Its cells run as ${cellsAs}: they could ${can}, and perhaps write the journal with it. Take these rights from ${cellsAs}. ${shared}`;
  return `Its cells run as ${cellsAs}: they can neither read nor alter ${storeOf(looking)}, nor read the files with credentials that were looked for. ${shared}`;
};

/** What the services are that hand out the role of the machine. */
export const metadataText = (asked: readonly Address[], reached: Address[] | string): string => {
  if (typeof reached === 'string')
    return `Whether its cells reach the metadata of this machine could not be looked at: ${reached}`;
  if (reached.length === 0)
    return `The metadata of this machine is out of their reach: ${asked.map(named).join(', ')} took no connection.`;
  return `They reach the metadata of this machine (${reached.map(named).join(', ')}): if it has a role, they could take that. docs/deploying.md says how to close it to them.`;
};

/**
 * @returns lines that say it
 * @throws PawlError `request.invalid` where cells cannot run as it was asked
 */
export const reachOfCells = async (looking: Looking): Promise<string[]> => {
  const { cellsUser, lookAround, lookAroundAs, metadataAddresses, withAbove } = await import('../cells/index.ts');
  const { dataDir, allow, cellsAs } = looking;
  const allowFile = allowFileOf(allow);
  const asked: Asked = { readable: [], alterable: [], addresses: metadataAddresses };
  if (cellsAs === undefined) {
    const found = await lookAround(asked);
    const reached = typeof found === 'string' ? found : found.reached;
    return [unprotected(looking), metadataText(metadataAddresses, reached)];
  }
  const files = guardedFiles(looking, plainEnvironment());
  const alterable = [...files, ...withAbove(dataDir), ...(allowFile === undefined ? [] : withAbove(allowFile))];
  const found = await lookAroundAs(await cellsUser(cellsAs), { ...asked, readable: files, alterable });
  return [protectedText(looking, found), metadataText(metadataAddresses, found.reached)];
};

/** Removes what steps have left whose processes were all killed. @returns lines that say it */
export const sweepOfCells = async (): Promise<string[]> => {
  const { sweepFolders } = await import('../cells/index.ts');
  const removed = await sweepFolders();
  return removed === 0
    ? []
    : [`Removed ${plural(removed, 'folder')} of steps whose processes were killed before they could.`];
};
