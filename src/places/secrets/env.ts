/** Secrets of the environment of this process. */
import { ofOnlyVersion, type Source, type VersionOf } from './source.ts';

export const createEnvSource = (env: NodeJS.ProcessEnv, versionOf: VersionOf): Source => ({
  read: async (name, version) => {
    const value = env[name];
    if (value === undefined || value === '') return { kind: 'missing', why: 'is not set here' };
    return ofOnlyVersion(value, version, versionOf);
  },
  keep: async () => ({ kind: 'lost', why: 'a variable cannot be written' }),
});
