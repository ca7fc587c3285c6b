/**
 * The right by which entries are appended, by `--param appendOnly=…`. A table in serverless.yml would say of a wrong value
 * only that something is not found.
 */
/** @type {Record<string, string>} */
const actions = { put: 'dynamodb:PutItem', insert: 'dynamodb:PartiQLInsert' };

/** @param {{ resolveVariable(address: string): Promise<unknown> }} serverless */
module.exports = async ({ resolveVariable }) => {
  const by = await resolveVariable('param:appendOnly');
  if (typeof by === 'string' && Object.hasOwn(actions, by)) return actions[by];
  throw new Error(`appendOnly is ${JSON.stringify(by)}; it may be put or insert.`);
};
