/** AWS's services by name: their clients, which are packages of the SDK, and what the model in each says. */
export { type Client, clientOf } from './clients.ts';
export { checkInput, inputOf, isLater, type Later, later } from './input.ts';
export { modelOf } from './model.ts';
