/**
 * Packages that a bundle holds. The functions on AWS have none beside them: there infra/bundle.mjs puts the services of
 * infra/aws-clients.json in the place of this file. Everywhere else a client is a package that is installed.
 */
import { createRequire } from 'node:module';

/** Clients by service. */
export const bundled: Readonly<Record<string, () => unknown>> | undefined = undefined as
  | Readonly<Record<string, () => unknown>>
  | undefined;

/** What reads the schemas of a client: loaded with the first of them, since most runbooks have none. */
export const schemas = (): typeof import('@smithy/core/schema') =>
  createRequire(import.meta.url)('@smithy/core/schema');
