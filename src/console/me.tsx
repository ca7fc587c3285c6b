/** Who looks, and what they may do: nobody is offered what the service would refuse. It refuses it all the same. */
import { type ComponentChildren, createContext } from 'preact';
import { useContext, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { BodyOf, OperationName } from '../contract/index.ts';
import { call, permissionOf, Refused, showTo } from './api.ts';
import { authorization, otherEvent } from './signIn/bearer.ts';
import type { Entrance } from './signIn/entrance.ts';

/** `groups`: `null` where the service does not say. */
export type Me = Omit<BodyOf<'me'>, 'groups'> & { groups: string[] | null };

/** `undefined`: not known yet. Until then pages show nothing, or what they offer would come and go. */
export const Known = createContext<Me | undefined>(undefined);

const nobody: Me = { actor: '', groups: [], permissions: [] };
export const useMe = (): Me => useContext(Known) ?? nobody;

const againMs = 5_000;
/** So many looks without an answer, and pages are shown without it: nobody waits for ever for what they may do. */
const looksMax = 2;

/** Everything is offered, and the service left to refuse. */
const unsaid = (actor: string): Me => ({ actor, groups: null, permissions: null });

/** @returns `undefined`: there was no answer yet */
const ask = async (actor: string): Promise<Me | undefined> => {
  try {
    return await call('me', {});
  } catch (error) {
    const { status, code } = error instanceof Refused ? error : { status: 0, code: '' };
    if (status !== 403 && status !== 404) return undefined;
    // A token without `pawl:read` may do nothing here. A policy of IAM that leaves this route out says nothing of the others.
    const hasToken = authorization().authorization !== undefined;
    return hasToken && code === 'permission.missing' ? { ...nobody, actor } : unsaid(actor);
  }
};

/** Asked once for each sign-in. Where somebody else has logged in meanwhile, it is asked again who that is. */
export const useAsked = (entrance: Entrance): Me | undefined => {
  const [known, set] = useState<{ of: string; me: Me }>();
  const actor = entrance.kind === 'in' ? entrance.actor : '';
  const other = useRef('');
  useEffect(() => {
    if (entrance.kind !== 'in' || entrance.isOver) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isGone = false;
    let looks = 0;
    const look = async (): Promise<void> => {
      const me = await ask(actor);
      if (isGone) return;
      looks += 1;
      if (me === undefined) timer = setTimeout(look, againMs);
      // What the service said of the same person before, it has not taken back by being away.
      if (me !== undefined || looks === looksMax)
        set((was) => ({ of: actor, me: me ?? (was?.of === actor ? was.me : unsaid(actor)) }));
      if (me === undefined || me.actor === actor || me.actor === other.current) return;
      // Once for each: an issuer may call somebody otherwise than the service does.
      other.current = me.actor;
      window.dispatchEvent(new Event(otherEvent));
    };
    void look();
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [entrance]);
  const me = known?.of === actor ? known.me : undefined;
  useLayoutEffect(() => {
    // Where the service does not say, an issuer may call them otherwise.
    if (me !== undefined) showTo(me.groups === null ? null : me.actor);
  }, [me]);
  return me;
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
