/** The id of an element's own instance: the same for everybody who looks. */
import { createHash } from 'node:crypto';
import { childId, type Parent } from '../engine/index.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const elementIdOf = (parent: Omit<Parent, 'seq'>, visit: number): string => childId(parent, visit, sha256);
