/**
 * Serverless Framework v4 knows `build` in serverless.yml and refuses serverless-esbuild unless `build.esbuild` is false.
 * osls does not know it and refuses it. With this both take the same file.
 */
module.exports = class AcceptBuild {
  /** @param {{ configSchemaHandler: { schema: { properties: object }, defineTopLevelProperty(name: string, schema: object): void } }} serverless */
  constructor({ configSchemaHandler }) {
    if ('build' in configSchemaHandler.schema.properties) return;
    configSchemaHandler.defineTopLevelProperty('build', {
      type: 'object',
      properties: { esbuild: { const: false } },
      additionalProperties: false,
    });
  }
};
