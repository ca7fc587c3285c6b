/**
 * What actions of AWS are, as far as a name tells. Which of them ask for no effect, as GET does of an `http` cell: by a closed list of
 * beginnings. Which answer with a secret.
 */

const readsOnly = /^(?:BatchDescribe|BatchGet|Describe|Get|Head|List|Lookup|Query|Scan|Search)(?:[A-Z]|$)/;

/**
 * Actions that are called so and do more: they make credentials (and some of these the user for it), make the identity they
 * answer with, or take a task from whoever else would have got it.
 */
const doesMore = /Credential|Token|^GetActivityTask$|^GetId$|^GetLatestConfiguration$/;

export const isReadingAction = (action: string): boolean => readsOnly.test(action) && !doesMore.test(action);

/** Whether the answer would be a secret in plain words. An output is in the journal, where everybody may read it. */
export const tellsSecret = (service: string, action: string, input: Readonly<Record<string, unknown>>): boolean =>
  (service === 'secrets-manager' && action.endsWith('GetSecretValue')) ||
  (service === 'ssm' && action.startsWith('GetParameter') && input.WithDecryption === true);

export const secretIsNoOutput =
  'its answer would be a secret, and an output is in the journal; declare it under `secrets:` in front matter, and use it in a cell';
