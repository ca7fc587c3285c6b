/** Who looks, and what they may do: nobody is offered what the service would refuse. It refuses it all the same. */
import { type ComponentChildren, createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { BodyOf, OperationName } from '../contract/index.ts';
import { call, permissionOf, Refused } from './api.ts';
import { authorization } from './signIn/bearer.ts';
import type { Entrance } from './signIn/entrance.ts';

export type Me = BodyOf<'me'>;

/** `undefined`: not known yet. Until then pages show nothing, or what they offer would come and go. */
export const Known = createContext<Me | undefined>(undefined);

const nobody: Me = { actor: '', groups: [], permissions: [] };
export const useMe = (): Me => useContext(Known) ?? nobody;

const againMs = 5_000;

/** @returns `undefined`: there was no answer yet */
const ask = async (actor: string): Promise<Me | undefined> => {
  try {
    return await call('me', {});
  } catch (error) {
    const status = error instanceof Refused ? error.status : 0;
    if (status !== 403 && status !== 404) return undefined;
    // A token without `pawl:read` may do nothing here. An older service, or a policy that leaves this route out, says nothing.
    const hasToken = authorization().authorization !== undefined;
    return { actor, groups: [], permissions: status === 403 && hasToken ? [] : null };
  }
};

/** Asked once for each sign-in. */
export const useAsked = (entrance: Entrance): Me | undefined => {
  const [known, set] = useState<{ of: string; me: Me }>();
  const actor = entrance.kind === 'in' ? entrance.actor : '';
  useEffect(() => {
    if (entrance.kind !== 'in' || entrance.isOver) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isGone = false;
    const look = async (): Promise<void> => {
      const me = await ask(actor);
      if (isGone) return;
      if (me === undefined) timer = setTimeout(look, againMs);
      else set({ of: actor, me });
    };
    void look();
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [entrance]);
  return known?.of === actor ? known.me : undefined;
};

export const useMay = (does: OperationName): boolean =>
  useMe().permissions?.some((one) => one === permissionOf(does)) ?? true;

/** @param what for the sentence that stands there instead: `Deciding here` */
export const May = ({ does, what, children }: { does: OperationName; what: string; children: ComponentChildren }) => {
  const isKnown = useContext(Known) !== undefined;
  if (useMay(does)) return <>{children}</>;
  return !isKnown ? null : (
    <p class="notice">
      You may look. {what} needs the scope <code>pawl:{permissionOf(does)}</code>.
    </p>
  );
};

/** In place of every page, for who signed in and may not even look. */
export const NoLook = ({ actor }: Me) => (
  <main class="narrow">
    <h1>You may not look here</h1>
    <p class="notice warn">
      You are signed in as {actor}, without the scope <code>pawl:read</code>. Ask whoever gives scopes at the issuer,
      then sign out, and in again.
    </p>
  </main>
);
