/** What stands in place of a page for whoever is not let in yet. It stays where it was asked for. */
import { useHead } from '../parts/head.ts';
import { harmless } from '../text.ts';
import type { Entrance } from './entrance.ts';

const ByLogin = ({ again }: { again(): void }) => (
  <main class="narrow">
    <h1>Sign in to see this page</h1>
    <p>
      This service lets a browser in by a link that is good once. <code>pawl serve</code> and <code>pawl console</code>{' '}
      print one as they start, and <code>pawl login</code> another to <code>pawl serve</code>. Open it in this browser,
      then come back here.
    </p>
    <p>
      <button type="button" onClick={again}>
        I have opened the link
      </button>
    </p>
  </main>
);

const BySigning = () => (
  <main class="narrow">
    <h1>This service takes signed requests</h1>
    <p>
      They need credentials of AWS, which no page should have. On your machine, <code>pawl console</code> shows this
      page and signs what it asks:
    </p>
    <pre>pawl console --url {location.origin}</pre>
  </main>
);

const Out = ({ why, again }: { why: string | null; again(): void }) => (
  <main class="narrow">
    <h1>{why === null ? 'You are signed out' : 'You are not signed in'}</h1>
    {why === null ? null : (
      <p class="notice warn" role="alert">
        {harmless(why)}
      </p>
    )}
    <p>
      <button type="button" class="main" onClick={again}>
        {why === null ? 'Sign in' : 'Sign in again'}
      </button>
    </p>
  </main>
);

export const NotIn = ({ entrance }: { entrance: Exclude<Entrance, { kind: 'in' }> }) => {
  useHead(entrance.kind === 'asking' ? 'Pawl' : 'Not signed in · Pawl', 'nobody');
  if (entrance.kind === 'login') return <ByLogin again={entrance.again} />;
  if (entrance.kind === 'signing') return <BySigning />;
  if (entrance.kind === 'out') return <Out why={entrance.why} again={entrance.again} />;
  return null;
};

type In = Extract<Entrance, { kind: 'in' }>;

export const Who = ({ actor, signOut, isOver }: In) => (
  <>
    <span class="who">{harmless(actor)}</span>
    {signOut === undefined || isOver ? null : (
      <button type="button" class="plain" onClick={signOut}>
        Sign out
      </button>
    )}
  </>
);

/** Only where something is typed: else the page goes by itself. */
export const Over = ({ signOut: again, login }: In) =>
  login === undefined ? (
    <Ended again={again} />
  ) : (
    <p class="notice warn" role="alert">
      Your login has ended. What you have typed stays here: open another link of <code>pawl login</code> in this
      browser, and come back.{' '}
      <button type="button" onClick={login}>
        I have opened the link
      </button>
    </p>
  );

const Ended = ({ again }: { again: (() => void) | undefined }) => (
  <p class="notice warn" role="alert">
    Your sign-in has ended. What you have typed is not sent, and is lost when you sign in: copy it first.{' '}
    <button type="button" onClick={again}>
      Sign in again
    </button>
  </p>
);
