import { hash as digestOf } from 'node:crypto';

export const sha256 = (data: string | Uint8Array): string => digestOf('sha256', data);
