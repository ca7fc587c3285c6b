/** What a command gets: the screen, the settings, and the store once it asks for it. */

import type { OperationName } from '../contract/index.ts';
import { type Authoring, errorCodes, isPawlError, PawlError, type Redriven, type Unrecorded } from '../engine/index.ts';
import type { OnThisMachine } from '../places/index.ts';
import { type Client, createClient, type Transport } from './client.ts';
import { noStore } from './dataPlace.ts';
import { type Deps, openAuthoring, openDeps } from './deps.ts';
import type { Exit } from './exits.ts';
import type { Interruption } from './interruption.ts';
import { outlasting } from './patience.ts';
import type { Screen } from './screen.ts';
import { createService } from './service.ts';
import { openSetAside, type SetAside } from './setAside.ts';
import { type Given, homeOf, plainEnvironment, type Settings } from './settings.ts';

export type Session = {
  screen: Screen;
  settings: Settings;
  /** What stands on the command line about the store. */
  given: Pick<Given, 'url' | 'data'>;
  interruption: Interruption;
  authoring(): Promise<Authoring>;
  /** What the place of this process has and allows. Reads no store. */
  here(): Promise<OnThisMachine>;
  /** What of some secrets (`from` by name) cannot be had at the place of this process. */
  missingSecrets(wanted: Record<string, string>): Promise<string[]>;
  /** Its first call opens the store. */
  client: Client;
  /** The same for a command that stays to the end: a service that is away for a while is waited for. */
  patient: Client;
  /** Which store it works with. Makes none. */
  store(): Promise<StorePlace>;
  /** Outcomes that were set aside on this machine, whichever store or service it works with. */
  setAside: SetAside;
  /** Only for the owner of the store: a service takes no caller's word for what happened. */
  redrive(item: Unrecorded): Promise<Redriven>;
};

/** `at`: a folder, a URL, tables. `missing`: what to say where there is none yet; else `null`. */
type StorePlace = { at: string; missing: string | null };

/** How a command ends: its exit code, and its one document for `--json`; `undefined` where that was told line by line. */
export type Answer = { exit: Exit; document: unknown };

type Opened = Pick<Session, 'redrive'> & { transport: Transport; close(): Promise<void> };

const storePlace = async ({ service, store }: Settings): Promise<StorePlace> => {
  if (service !== null) return { at: service.url.href, missing: null };
  if (store.kind === 'aws') return { at: `the tables ${store.tables}-* on AWS`, missing: null };
  if (store.kind === 'endpoint') return { at: `the tables ${store.tables}-* at ${store.endpoint}`, missing: null };
  const { hasStore } = await import('../store/local.ts');
  return { at: store.dataDir, missing: (await hasStore(store.dataDir)) ? null : noStore(store) };
};

/** Operations that have a meaning where nothing was stored yet: only these make a store. */
const begins: ReadonlySet<OperationName> = new Set(['publish', 'setClaim']);

/** What is asked for is not there, since the store is not. */
const withPlace = (error: unknown, { at, missing }: StorePlace): unknown =>
  isPawlError(error) && missing !== null && errorCodes[error.code].status === 404
    ? new PawlError(error.code, `${error.message} ${missing}`, { ...error.details, store: at }, error.cause)
    : error;

/** The store of this machine is opened when it is there, or begins; until then nothing is read, as from an empty one. */
const openHere = (settings: Settings) => {
  let opening: Promise<Deps> | undefined;
  let empty: Promise<Deps> | undefined;
  const opened = (): Promise<Deps> => {
    opening ??= openDeps(settings);
    return opening;
  };
  return {
    opened,
    openedFor: async (name: OperationName): Promise<{ deps: Deps; place?: StorePlace }> => {
      const place = opening === undefined && !begins.has(name) ? await storePlace(settings) : undefined;
      if (place === undefined || place.missing === null) return { deps: await opened() };
      empty ??= openDeps({ ...settings, store: { kind: 'nothing' } });
      return { deps: await empty, place };
    },
    close: async (): Promise<void> => {
      for (const deps of [opening, empty]) (await deps?.catch(() => undefined))?.close();
    },
  };
};

const open = async (settings: Settings): Promise<Opened> => {
  const { service, by } = settings;
  if (service === null) {
    const { inProcess } = await import('./transports/inProcess.ts');
    const { opened, openedFor, close } = openHere(settings);
    const redrive: Session['redrive'] = async (item) => {
      const deps = await opened();
      await deps.load();
      return await deps.engine.redrive(item, by);
    };
    const transport: Transport = async (name, ...asked) => {
      const { deps, place } = await openedFor(name);
      try {
        return await inProcess(deps, settings)(name, ...asked);
      } catch (error) {
        throw place === undefined ? error : withPlace(error, place);
      }
    };
    return { transport, redrive, close };
  }
  const redrive = async (): Promise<never> => {
    const message =
      'A service records what its store did not take by itself, and accepts no report about it: redrive without --url and PAWL_URL, on its tables.';
    throw new PawlError('request.invalid', message);
  };
  const { overHttp } = await import('./transports/http.ts');
  return { transport: overHttp(createService(service)), redrive, close: async () => {} };
};

export const createSession = (
  screen: Screen,
  settings: Settings,
  interruption: Interruption,
  given: Session['given'] = {},
): Session & { close(): Promise<void> } => {
  let opening: Promise<Opened> | undefined;
  const opened = (): Promise<Opened> => {
    opening ??= open(settings);
    return opening;
  };
  const transport: Transport = async (...asked) => (await opened()).transport(...asked);
  const caller = { say: (line: string) => screen.print(line), interrupted: interruption.signal };
  return {
    screen,
    settings,
    given,
    interruption,
    store: () => storePlace(settings),
    setAside: openSetAside(settings.setAsideDir),
    authoring: async () => await openAuthoring(settings.tasks),
    here: async () => {
      const { lookOnThisMachine, readAllow } = await import('../places/index.ts');
      const { place, store, dataDir, allow } = settings;
      return lookOnThisMachine({ place, home: homeOf(store) }, plainEnvironment(), () => readAllow(allow, dataDir));
    },
    missingSecrets: async (wanted) => await (await import('./deps.ts')).missingSecrets(settings, wanted),
    client: createClient(transport),
    patient: settings.service === null ? createClient(transport) : createClient(outlasting(transport, caller)),
    redrive: async (item) => (await opened()).redrive(item),
    close: async () => await (await opening?.catch(() => undefined))?.close(),
  };
};
