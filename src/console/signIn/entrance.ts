/** Whether this browser is let in, and how it gets in: by a login of this machine, by an issuer, or not from here at all. */
import { useEffect, useState } from 'preact/hooks';
import { go } from '../route.tsx';
import { authorization, otherEvent, refusedEvent, setBearer, wasTaken } from './bearer.ts';
import type { Issuer, SignedIn, SignInFailed } from './oidc.ts';

export type Entrance =
  | { kind: 'asking' }
  /** `isOver`: the sign-in has ended, and what was typed would be lost by going away. `login`: it is made in another tab. */
  | { kind: 'in'; actor: string; isOver: boolean; signOut?: (() => void) | undefined; login?: (() => void) | undefined }
  /** By a one-time link, opened in another tab. */
  | { kind: 'login'; again(): void }
  /** The API takes signed requests alone. */
  | { kind: 'signing' }
  /** By the issuer. `why`: what came of it the last time. */
  | { kind: 'out'; why: string | null; again(): void };

/** `/console/config.json`, as `src/handlers/consoleFiles.ts` writes it. */
type Config = { auth: 'local'; actor: string | null } | { auth: 'iam' } | ({ auth: 'jwt' } & Issuer);

const readConfig = async (): Promise<Config> => (await (await fetch('/console/config.json')).json()) as Config;

const base = '/console';
const pathNow = (): string => location.pathname.slice(base.length);
const placeNow = (): string => `${pathNow()}${location.search}${location.hash}` || '/';

/** What a person has begun to write, which a page that leaves would lose. */
const isTyping = (): boolean =>
  [
    ...document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(
      'main textarea, main form input:not([type=radio], [type=checkbox])',
    ),
  ].some(({ value }) => value !== '');

const notTaken =
  'The service does not take the token that the issuer gave (401). Whoever deployed it should compare its jwtIssuer, jwtAudience and jwtScopes with what the issuer gives this client.';

type Set = (next: Entrance | ((now: Entrance) => Entrance)) => void;

/** The code of the flow is loaded where one signs in so. */
const flow = () => import('./oidc.ts');

const leave = async (issuer: Issuer, to: string, set: Set): Promise<void> => {
  const again = (): void => void leave(issuer, to, set);
  try {
    setBearer(undefined);
    set({ kind: 'asking' });
    await (await flow()).begin(issuer, to);
  } catch (error) {
    set({ kind: 'out', why: (error as Error).message, again });
  }
};

const signOut = async (issuer: Issuer, set: Set): Promise<void> => {
  setBearer(undefined);
  go('/signed-out', true);
  set({ kind: 'out', why: null, again: () => void leave(issuer, '/', set) });
  await (await flow()).end(issuer).catch(() => false);
};

const letIn = ({ token, actor, to, held }: SignedIn, issuer: Issuer, set: Set): void => {
  setBearer(token);
  go(to, true);
  // A form that was left is still the same form: what it starts is one run.
  history.replaceState(held, '');
  set({ kind: 'in', actor, isOver: false, signOut: () => void signOut(issuer, set) });
};

const enterBy = async (issuer: Issuer, set: Set): Promise<void> => {
  // A page that was shown before stays.
  if (authorization().authorization !== undefined) return;
  const againTo = (to: string) => (): void => void leave(issuer, to, set);
  if (pathNow() === '/signed-out') return set({ kind: 'out', why: null, again: againTo('/') });
  if (pathNow() !== '/signed-in') return await leave(issuer, placeNow(), set);
  try {
    const { complete } = await flow();
    letIn(await complete(issuer), issuer, set);
  } catch (error) {
    const { message, to = '/' } = error as Partial<SignInFailed> & Error;
    set({ kind: 'out', why: message, again: againTo(to) });
  }
};

/** The API refused the token: it has run out, or was never one for it. */
const refused = (issuer: Issuer, set: Set): void => {
  const again = (): void => void leave(issuer, placeNow(), set);
  if (!wasTaken()) return set({ kind: 'out', why: notTaken, again });
  if (!isTyping()) return again();
  set((now) => (now.kind === 'in' ? { ...now, isOver: true, signOut: again } : now));
};

/** Without an answer the page says so itself, for what it asks. */
const enter = async (set: Set): Promise<Issuer | undefined> => {
  const config = await readConfig();
  if (config.auth === 'jwt') {
    await enterBy(config, set);
    return config;
  }
  const again = (): void => void enter(set);
  if (config.auth === 'iam') set({ kind: 'signing' });
  else if (config.actor !== null) set({ kind: 'in', actor: config.actor, isOver: false });
  // What was typed stays: whoever logs in by another tab goes on with it.
  else
    set((now) => (now.kind === 'in' && isTyping() ? { ...now, isOver: true, login: again } : { kind: 'login', again }));
  return undefined;
};

export const useEntrance = (): Entrance => {
  const [entrance, set] = useState<Entrance>({ kind: 'asking' });
  useEffect(() => {
    let issuer: Issuer | undefined;
    let isAsked = false;
    const look = async (): Promise<void> => {
      // By an issuer one signs in once: its answer must not be taken twice.
      if (issuer !== undefined || isAsked) return;
      isAsked = true;
      issuer = await enter(set).catch(() => undefined);
      isAsked = false;
    };
    const refuse = (): void => {
      if (issuer !== undefined) refused(issuer, set);
    };
    void look();
    window.addEventListener('focus', look);
    window.addEventListener(otherEvent, look);
    window.addEventListener(refusedEvent, refuse);
    return () => {
      window.removeEventListener('focus', look);
      window.removeEventListener(otherEvent, look);
      window.removeEventListener(refusedEvent, refuse);
    };
  }, []);
  return entrance;
};
