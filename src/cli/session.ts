/** What a command gets: the screen, the settings, and the store once it asks for it. */
import { type Authoring, PawlError, type Redriven, type Unrecorded } from '../engine/index.ts';
import { type Client, createClient, type Transport } from './client.ts';
import { openAuthoring, openDeps, type Settings } from './deps.ts';
import type { Exit } from './exits.ts';
import type { Interruption } from './interruption.ts';
import type { Screen } from './screen.ts';
import { createService } from './service.ts';
import { openSetAside, type SetAside } from './setAside.ts';
import { overHttp } from './transports/http.ts';

export type Session = {
  screen: Screen;
  settings: Settings;
  interruption: Interruption;
  authoring(): Promise<Authoring>;
  /** Its first call opens the store. */
  client: Client;
  /** Outcomes that were set aside on this machine, whichever store or service it works with. */
  setAside: SetAside;
  /** Only for the owner of the store: a service takes no caller's word for what happened. */
  redrive(item: Unrecorded): Promise<Redriven>;
};

/** How a command ends: its exit code, and its one document for `--json`. */
export type Answer = { exit: Exit; document: unknown };

type Opened = Pick<Session, 'redrive'> & { transport: Transport; close(): void };

const open = async (settings: Settings): Promise<Opened> => {
  const { service, by } = settings;
  if (service === null) {
    const [{ inProcess }, deps] = await Promise.all([import('./transports/inProcess.ts'), openDeps(settings)]);
    const redrive: Session['redrive'] = async (item) => {
      await deps.loadAuthoring();
      return await deps.engine.redrive(item, by);
    };
    return { transport: inProcess(deps, settings), redrive, close: deps.close };
  }
  const redrive = async (): Promise<never> => {
    const message =
      'A service records what its store did not take by itself, and accepts no report about it: run `pawl redrive` without --url and PAWL_URL, on its tables.';
    throw new PawlError('request.invalid', message);
  };
  return { transport: overHttp(createService(service)), redrive, close: () => {} };
};

export const createSession = (
  screen: Screen,
  settings: Settings,
  interruption: Interruption,
): Session & { close(): Promise<void> } => {
  let opening: Promise<Opened> | undefined;
  const opened = (): Promise<Opened> => {
    opening ??= open(settings);
    return opening;
  };
  return {
    screen,
    settings,
    interruption,
    setAside: openSetAside(settings.setAsideDir),
    authoring: openAuthoring,
    client: createClient(async (...asked) => (await opened()).transport(...asked)),
    redrive: async (item) => (await opened()).redrive(item),
    close: async () => (await opening?.catch(() => undefined))?.close(),
  };
};
