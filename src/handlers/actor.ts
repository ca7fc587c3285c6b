/**
 * Who acts, and what they may do. API Gateway has authenticated the caller; with IAM its policies have also decided about
 * the route, with a JWT the scopes are looked at here. Nothing of this is ever taken from a body.
 */

import { type Permission, permissions } from '../contract/index.ts';
import { headOf, limits, PawlError } from '../engine/index.ts';
import type { HttpEvent } from './events.ts';

/** `local`: a service on its user's own machine. Nothing is checked there, and every caller may do everything. */
export type Auth = 'iam' | 'jwt' | 'local';

const localActor = 'local';

const givenBy = (auth: Auth, { headers, requestContext }: HttpEvent): unknown => {
  const { authorizer } = requestContext;
  if (auth === 'iam') return authorizer?.iam?.userArn;
  if (auth === 'jwt') return authorizer?.jwt?.claims?.sub;
  return headers['x-pawl-actor'] ?? localActor;
};

/** @throws PawlError `actor.unknown` */
export const actorOf = (auth: Auth, event: HttpEvent): string => {
  const actor = givenBy(auth, event);
  if (typeof actor === 'string' && actor.length <= limits.actorCharsMax && /^\P{C}+$/u.test(actor)) return actor;
  const next = {
    iam: 'sign the request (SigV4) with credentials of this account',
    jwt: 'send a token with a `sub` claim',
    local: `give 1 to ${limits.actorCharsMax} printable characters in X-Pawl-Actor, or leave it out`,
  }[auth];
  const authenticate = { iam: 'AWS4-HMAC-SHA256', jwt: 'Bearer', local: 'X-Pawl-Actor' }[auth];
  throw new PawlError('actor.unknown', `The request does not say who acts: ${next}.`, { authenticate });
};

/** Percent-encoded, since a header holds no letter beyond ASCII. */
const shownIn = (given: string): string => {
  try {
    return decodeURIComponent(given);
  } catch {
    return given;
  }
};

/**
 * A page acts as whoever is signed in when it acts, which may be somebody else than it was shown to: so it says whom it shows.
 * @throws PawlError `actor.other`
 */
export const assertShown = (actor: string, { headers, requestContext }: HttpEvent): void => {
  const given = headers['x-pawl-expected-actor'];
  if (given === undefined || requestContext.http.method === 'GET') return;
  const shown = shownIn(given);
  if (shown === actor) return;
  const message = `Nothing was done: this page shows ${headOf(shown, limits.actorCharsMax)}, and you are now signed in as ${actor}. Look again, then decide as ${actor}, or sign in as before.`;
  throw new PawlError('actor.other', message, { actor });
};

/** HTTP API hands a claim on as text: `a b`, or a list as `[a b]`. */
const listed = (claim: unknown): string[] =>
  (Array.isArray(claim)
    ? claim
    : String(claim ?? '')
        .replace(/^\[(.*)\]$/s, '$1')
        .split(/\s+/)
  )
    .map(String)
    .filter((one) => one !== '');

const roleArn = /^arn:[^:]+:sts::\d+:assumed-role\/([^/]+)\/[^/]+$/;

/**
 * The caller's groups, as the authorizer says; on the user's own machine as the caller says.
 * With a JWT the values of one claim, which must hold no spaces: a list comes as `[a b]`. With IAM the role they are in.
 */
export const groupsOf = (auth: Auth, groupsClaim: string, { headers, requestContext }: HttpEvent): string[] => {
  const { authorizer } = requestContext;
  if (auth === 'jwt') return listed(authorizer?.jwt?.claims?.[groupsClaim]);
  if (auth === 'iam') {
    const [, role] = roleArn.exec(authorizer?.iam?.userArn ?? '') ?? [];
    return role === undefined ? [] : [`role/${role}`];
  }
  return (headers['x-pawl-groups'] ?? '')
    .split(',')
    .map((group) => group.trim())
    .filter((group) => group !== '');
};

const scopesOf = ({ requestContext }: HttpEvent): string[] => {
  const claims = requestContext.authorizer?.jwt?.claims ?? {};
  return [claims.scope, claims.scp].flatMap(listed);
};

/**
 * `pawl:read`, or as Cognito writes the scopes of a resource server that is named `pawl`: `pawl/read`.
 * @returns `null`: policies of IAM have decided about the route, and do not say what else they allow
 */
export const permissionsOf = (auth: Auth, event: HttpEvent): Permission[] | null => {
  if (auth === 'iam') return null;
  if (auth === 'local') return [...permissions];
  const scopes = scopesOf(event);
  return permissions.filter((one) => scopes.includes(`pawl:${one}`) || scopes.includes(`pawl/${one}`));
};

/** @throws PawlError `permission.missing` naming the scope */
export const assertPermitted = (given: Permission[] | null, permission: Permission, actor: string): void => {
  if (given === null || given.includes(permission)) return;
  const scope = `pawl:${permission}`;
  const message = `This needs the scope ${scope} (or pawl/${permission}), which the token of ${actor} does not have.`;
  throw new PawlError('permission.missing', message, { permission, scope });
};
