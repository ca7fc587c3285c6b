/**
 * OpenID Connect: the authorization code flow with PKCE, for a client without a secret. Loaded only where one signs in so.
 *
 * What the redirect needs of us (state, nonce, verifier, and the page that was asked for) stands in this tab's sessionStorage
 * until it comes back, and is worth nothing without the code. The access token is what the API takes: its authorizer looks
 * at the audience, and the handler at scopes and groups, which an ID token does not have. The ID token shows that this answer
 * belongs to this sign-in (nonce), and is not kept.
 */
import * as oauth from 'oauth4webapi';

export type Issuer = { issuer: string; clientId: string; scopes: string };
/** `held`: what the browser's history kept for the page that was left. */
export type SignedIn = { token: string; actor: string; to: string; held: unknown };

const kept = 'pawl-sign-in';
const here = (path: string): string => `${location.origin}/console${path}`;
const redirectUri = (): string => here('/signed-in');

/** A server on this very machine may do without TLS, as for tests; nothing else may. */
const optionsFor = (issuer: string) => ({
  [oauth.allowInsecureRequests]: /^http:\/\/(127\.0\.0\.1|localhost)(:|\/|$)/.test(issuer),
});

const servers = new Map<string, Promise<oauth.AuthorizationServer>>();
const askServer = async (issuer: string): Promise<oauth.AuthorizationServer> => {
  const url = new URL(issuer);
  const response = await oauth.discoveryRequest(url, { algorithm: 'oidc', ...optionsFor(issuer) }).catch(() => {
    throw new Error(`${url.origin} does not answer. It issues the tokens of this service; try again when it does.`);
  });
  return await oauth.processDiscoveryResponse(url, response);
};
const serverOf = (issuer: string): Promise<oauth.AuthorizationServer> => {
  const asked = servers.get(issuer) ?? askServer(issuer);
  servers.set(issuer, asked);
  asked.catch(() => servers.delete(issuer));
  return asked;
};

/** Leaves this page. An issuer that still knows this browser sends it back at once. @param to the page to come back to */
export const begin = async ({ issuer, clientId, scopes }: Issuer, to: string): Promise<void> => {
  const { authorization_endpoint: endpoint } = await serverOf(issuer);
  if (endpoint === undefined) throw new Error(`${issuer} names no authorization_endpoint: nobody can sign in there.`);
  const [state, nonce, verifier] = [
    oauth.generateRandomState(),
    oauth.generateRandomNonce(),
    oauth.generateRandomCodeVerifier(),
  ];
  sessionStorage.setItem(kept, JSON.stringify({ state, nonce, verifier, to, held: history.state as unknown }));
  const url = new URL(endpoint);
  const asked = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri(),
    scope: scopes,
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  // Going back does not lead to a page that goes on by itself.
  location.replace(url);
};

/** Who the API will say that this is. Read, not checked: the API does that. */
const subjectOf = (token: string): string => {
  try {
    const text = atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'));
    const { sub } = JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (one) => one.charCodeAt(0))));
    if (typeof sub === 'string') return sub;
  } catch {
    // Said below.
  }
  throw new Error('The issuer gave an access token that is no JWT with a `sub`, which this service cannot take.');
};

/** `to`: what was asked for, for another try. */
export class SignInFailed extends Error {
  readonly to: string;
  constructor(message: string, to: string, cause?: unknown) {
    super(message, { cause });
    this.to = to;
  }
}

const whyOf = (error: unknown): string => {
  if (error instanceof oauth.AuthorizationResponseError)
    return `The issuer let nobody in: ${error.error_description ?? error.error}.`;
  if (error instanceof oauth.ResponseBodyError)
    return `The issuer gave no token: ${error.error_description ?? error.error}.`;
  if (error instanceof oauth.OperationProcessingError)
    return `What came back is not what this page asked for, so nobody was let in (${error.message}).`;
  // Whatever the browser does not let a page read looks the same, the policy of this page included.
  if (error instanceof TypeError)
    return 'No token came: where the issuer gives its tokens does not answer, or this page may not ask there (jwtOrigins).';
  return (error as Error).message;
};

/**
 * What the issuer sent this browser back with. The code leaves the address at once, and is used once.
 * @throws SignInFailed whose message says why nobody is let in
 */
export const complete = async ({ issuer, clientId }: Issuer): Promise<SignedIn> => {
  const text = sessionStorage.getItem(kept);
  sessionStorage.removeItem(kept);
  const came = new URL(location.href);
  history.replaceState(null, '', redirectUri());
  if (text === null) throw new SignInFailed('This tab has not asked to sign in, so what came back is not taken.', '/');
  const { state, nonce, verifier, to, held } = JSON.parse(text) as Record<
    'state' | 'nonce' | 'verifier' | 'to',
    string
  > & { held: unknown };
  const client: oauth.Client = { client_id: clientId };
  try {
    const server = await serverOf(issuer);
    const checked = oauth.validateAuthResponse(server, client, came, state);
    const asked = [server, client, oauth.None(), checked, redirectUri(), verifier] as const;
    const response = await oauth.authorizationCodeGrantRequest(...asked, optionsFor(issuer));
    const expected = { expectedNonce: nonce, requireIdToken: true };
    const { access_token: token } = await oauth.processAuthorizationCodeResponse(server, client, response, expected);
    return { token, actor: subjectOf(token), to, held };
  } catch (error) {
    throw new SignInFailed(whyOf(error), to, error);
  }
};

/** Ends the session at the issuer too, where it has a way to. @returns `false`: it has none, and this page stays */
export const end = async ({ issuer, clientId }: Issuer): Promise<boolean> => {
  const { end_session_endpoint: endpoint } = await serverOf(issuer);
  if (endpoint === undefined) return false;
  const url = new URL(endpoint);
  url.searchParams.set('client_id', clientId);
  url.searchParams.set('post_logout_redirect_uri', here('/signed-out'));
  location.assign(url);
  return true;
};
