/** Marks that name a place in a list: taken only as they were given out, by this deployment, for this list. */
import { PawlError } from '../engine/index.ts';

const sealChars = 16;
type Sealing = { sha256(text: string): string; deployment: { name: string } };

const sealOf = ({ sha256, deployment }: Sealing, list: string, mark: string): string =>
  sha256(JSON.stringify([deployment.name, list, mark])).slice(0, sealChars);

export const seal = (by: Sealing, list: string, mark: string | null): string | null =>
  mark === null ? null : `${sealOf(by, list, mark)}.${mark}`;

/** @throws PawlError `request.invalid` */
export const unseal = (by: Sealing, list: string, sealed: string): string => {
  const mark = sealed.slice(sealChars + 1);
  if (sealed === seal(by, list, mark)) return mark;
  throw new PawlError('request.invalid', 'The page mark `next` is not one of this list: begin with the first page.', {
    problems: [{ at: 'query.next', message: 'not as it was given' }],
  });
};
