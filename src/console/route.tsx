/** The URL says it all: what is shown, and by which filters. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';

const base = '/console';

export type Place = { path: string; query: URLSearchParams };

const here = (): Place => ({
  path: location.pathname.slice(base.length).replace(/\/$/, '') || '/',
  query: new URLSearchParams(location.search),
});

/** Without a slash at its end: API Gateway is not known to take `/console/` for a path of the page. */
const hrefOf = (to: string): string => base + to.replace(/^\/(?=$|[?#])/, '');

const changed = 'pawl-place';

/** @param replace whether the page before is not worth going back to, as a half-typed filter */
export const go = (to: string, replace = false): void => {
  if (replace) history.replaceState(null, '', hrefOf(to));
  else history.pushState(null, '', hrefOf(to));
  window.dispatchEvent(new Event(changed));
  if (!replace) window.scrollTo(0, 0);
};

export const usePlace = (): Place => {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const look = (): void => setPlace(here());
    window.addEventListener('popstate', look);
    window.addEventListener(changed, look);
    return () => {
      window.removeEventListener('popstate', look);
      window.removeEventListener(changed, look);
    };
  }, []);
  return place;
};

export const instancePath = (instanceId: string): string => `/instances/${encodeURIComponent(instanceId)}`;

/** The id of a claim holds slashes, which stand in the path as they are. */
export const claimPath = (claimId: string): string => `/claims/${claimId.split('/').map(encodeURIComponent).join('/')}`;

/** What a part of a path says; `undefined`: its escapes are none, or it is not there. */
export const decoded = (part: string | undefined): string | undefined => {
  try {
    return part === undefined ? undefined : decodeURIComponent(part);
  } catch {
    return undefined;
  }
};

export const runbookPath = (runbookId: string, query: Record<string, number> = {}): string => {
  const asked = Object.entries(query).map(([name, value]) => `${name}=${value}`);
  return `/runbooks/${encodeURIComponent(runbookId)}${asked.length === 0 ? '' : `?${asked.join('&')}`}`;
};
/**
 * The query is for parameters alone, whatever they are called: so a version stands behind an `@`, as on the command line, and
 * the run whose parameters are taken stands in the path.
 */
export const startPath = (runbookId: string, { version, like }: { version?: number; like?: string } = {}): string =>
  `/start/${encodeURIComponent(runbookId)}${version === undefined ? '' : `@${version}`}${like === undefined ? '' : `/like/${encodeURIComponent(like)}`}`;

type LinkProps = { to: string; class?: string; current?: boolean; children: ComponentChildren };
export const Link = ({ to, children, current, class: name }: LinkProps) => (
  <a
    href={hrefOf(to)}
    class={name}
    aria-current={current ? 'page' : undefined}
    onClick={(event) => {
      if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      go(to);
    }}
  >
    {children}
  </a>
);
