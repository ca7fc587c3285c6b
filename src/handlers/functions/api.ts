import { createApi } from '../api.ts';
import { openApiDeps } from '../deps.ts';

export const handler = createApi(openApiDeps);
