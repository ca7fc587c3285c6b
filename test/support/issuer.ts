/**
 * An OpenID Connect issuer on this machine: `oidc-provider`, which is certified to keep to the standard, with people that need
 * no password. What it gives a client it signs, and `authorizer` checks as API Gateway's JWT authorizer does.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import { type Configuration, Provider } from 'oidc-provider';

/** `groups`: the claim by which an approval asks for them. `withheld`: scopes that they do not get. */
export type Person = { groups?: string[]; withheld?: string[] };

export type Issuer = {
  issuer: string;
  clientId: string;
  scopes: string;
  /** Paths that were asked for, in order. */
  asked: string[];
  /** Once it is known where people come back to. */
  open(home: string): Promise<void>;
  /** As API Gateway hands on who asks; `undefined`: it answers 401 by itself. */
  authorize(authorization: string | undefined, nowMs: number): Promise<Record<string, string> | undefined>;
  close(): Promise<void>;
};

const audience = 'pawl';
const resource = 'https://pawl.example';
const permissions = ['pawl:read', 'pawl:operate', 'pawl:author', 'pawl:decide'];
const tokenSeconds = 3_600;

const readForm = async (request: IncomingMessage): Promise<URLSearchParams> => {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return new URLSearchParams(text);
};

const loginForm = `<!doctype html><html lang="en"><title>Issuer</title>
<form method="post"><label>Name <input name="login"></label><button>Enter</button></form></html>`;

const configured = async (people: Record<string, Person>, home: string): Promise<Configuration> => {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return {
    clients: [
      {
        client_id: audience,
        token_endpoint_auth_method: 'none',
        redirect_uris: [`${home}/console/signed-in`],
        post_logout_redirect_uris: [`${home}/console/signed-out`],
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'one', use: 'sig', alg: 'RS256' }] },
    cookies: { keys: ['a key of the tests'] },
    pkce: { required: () => true },
    clientBasedCORS: (_, origin) => origin === home,
    findAccount: (_, accountId) => ({ accountId, claims: async () => ({ sub: accountId }) }),
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    extraTokenClaims: (_, token) => ({
      'cognito:groups': people['accountId' in token ? String(token.accountId) : '']?.groups ?? [],
    }),
    // Who they are says what they get: nobody is asked for consent.
    loadExistingGrant: async ({ oidc }) => {
      const accountId = oidc.session?.accountId ?? '';
      const grant = new oidc.provider.Grant({ clientId: audience, accountId });
      grant.addOIDCScope('openid');
      const withheld = people[accountId]?.withheld ?? [];
      grant.addResourceScope(resource, permissions.filter((scope) => !withheld.includes(scope)).join(' '));
      if (withheld.length > 0) grant.rejectResourceScope(resource, withheld.join(' '));
      await grant.save();
      return grant;
    },
    ttl: { Session: tokenSeconds, Grant: tokenSeconds, Interaction: tokenSeconds, IdToken: tokenSeconds },
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: permissions.join(' '),
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: tokenSeconds,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  };
};

/** As HTTP API hands a claim on: as text, a list as `[a b]`. */
const claimText = (value: unknown): string => (Array.isArray(value) ? `[${value.join(' ')}]` : String(value));

export const startIssuer = async (people: Record<string, Person>): Promise<Issuer> => {
  let provider: Provider | undefined;
  const asked: string[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path = ''] = (request.url ?? '').split('?');
    asked.push(path);
    if (provider === undefined) return void response.writeHead(503).end();
    if (!path.startsWith('/interaction/')) return void (await provider.callback()(request, response));
    if (request.method === 'GET')
      return void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(loginForm);
    const accountId = (await readForm(request)).get('login') ?? '';
    await provider.interactionFinished(request, response, { login: { accountId } });
  };
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  return {
    issuer,
    clientId: audience,
    scopes: ['openid', ...permissions].join(' '),
    asked,
    open: async (home) => {
      provider = new Provider(issuer, await configured(people, home));
    },
    authorize: async (authorization = '', nowMs) => {
      const [, token = ''] = /^Bearer (\S+)$/.exec(authorization) ?? [];
      const wanted = { issuer, audience, currentDate: new Date(nowMs), algorithms: ['RS256'] };
      const checked = await jwtVerify(token, keys, wanted).catch(() => undefined);
      if (checked === undefined) return undefined;
      return Object.fromEntries(Object.entries(checked.payload).map(([name, value]) => [name, claimText(value)]));
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
