/** What a command gets: the screen, the settings, and the store once it asks for it. */
import type { Authoring } from '../engine/index.ts';
import { PawlError } from '../engine/index.ts';
import { type Client, engineClient } from './client.ts';
import { openAuthoring, openDeps, type Settings } from './deps.ts';
import type { Exit } from './exits.ts';
import type { Interruption } from './interruption.ts';
import type { Screen } from './screen.ts';
import { createService } from './service.ts';
import { openSetAside } from './setAside.ts';

export type Session = {
  screen: Screen;
  settings: Settings;
  interruption: Interruption;
  authoring(): Promise<Authoring>;
  /** Opens the store, once. */
  client(): Promise<Client>;
};

/** How a command ends: its exit code, and its one document for `--json`. */
export type Answer = { exit: Exit; document: unknown };

export const createSession = (
  screen: Screen,
  settings: Settings,
  interruption: Interruption,
): Session & { close(): Promise<void> } => {
  let opening: Promise<{ client: Client; close(): void }> | undefined;
  const open = async () => {
    const { service, setAsideDir } = settings;
    if (service !== null) {
      const { httpClient } = await import('./httpClient.ts');
      return { client: httpClient(createService(service), { setAside: openSetAside(setAsideDir) }), close: () => {} };
    }
    const deps = await openDeps(settings);
    return { client: engineClient(deps, settings.by, settings.groups), close: deps.close };
  };
  return {
    screen,
    settings,
    interruption,
    authoring: openAuthoring,
    client: async () => {
      opening ??= open();
      return (await opening).client;
    },
    close: async () => (await opening?.catch(() => undefined))?.close(),
  };
};

/** What the operating system says about a file, as an error a person can act on. */
export const fileTrouble = (path: string, error: unknown): PawlError => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const why =
    { ENOENT: 'there is no such file', EISDIR: 'it is a folder', EACCES: 'it may not be read' }[code] ?? String(error);
  return new PawlError(
    'request.invalid',
    `Cannot read ${path}: ${why}. Give the path of a file.`,
    { file: path },
    error,
  );
};
