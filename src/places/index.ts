/** The door of places: what this place is, has and allows, and where secrets come from. */
export { allowFileOf, parseAllow, readAllow } from './allow.ts';
export { lookOnThisMachine, type OnThisMachine, openHere, openRemoteHere, placeIn } from './here.ts';
export { keyOfFolder } from './secrets/key.ts';
export { createSecrets } from './secrets/secrets.ts';
