/** How people sign in to the page, from the environment of `api`. */
import { PawlError } from '../engine/index.ts';
import type { SignIn } from './consoleFiles.ts';
import { authOf, type Environment } from './settings.ts';

const scopesDefault = 'openid pawl:read pawl:operate pawl:author pawl:decide';

const refuse = (message: string): never => {
  throw new PawlError('deployment.unsupported', message);
};

const isLoopback = (hostname: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);

/** It stands in the policy of the page, so it is an origin and nothing more. */
const originOf = (text: string, name: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))))
    return refuse(`${name} has ${JSON.stringify(text)}; give an https URL.`);
  return url.origin;
};

const wordsOf = (text: string | undefined): string[] => (text ?? '').split(/[\s,]+/).filter((one) => one !== '');

/**
 * `origins`: what the page may ask besides the service: the issuer, and where else its tokens come from.
 * @returns `undefined` where there is no page: on somebody's own machine, and in a stack of somebody's own that names no issuer
 * @throws PawlError `deployment.unsupported` naming the variable
 */
export const signInOf = (env: Environment): { signIn: SignIn; origins: string[] } | undefined => {
  const auth = authOf(env);
  const { PAWL_JWT_ISSUER: issuer } = env;
  if (auth === 'iam') return { signIn: { auth }, origins: [] };
  if (auth === 'local' || !issuer) return undefined;
  const clientId =
    env.PAWL_JWT_CLIENT_ID || refuse('PAWL_JWT_CLIENT_ID is not set: deploy with the parameter jwtClientId.');
  const scopes = wordsOf(env.PAWL_JWT_SCOPES || scopesDefault).join(' ');
  const others = wordsOf(env.PAWL_JWT_ORIGINS).map((one) => originOf(one, 'PAWL_JWT_ORIGINS'));
  const origins = [...new Set([originOf(issuer, 'PAWL_JWT_ISSUER'), ...others])];
  return { signIn: { auth, issuer, clientId, scopes }, origins };
};
