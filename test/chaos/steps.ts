/** A step by the seq of its reservation, as one text. */
export const stepOf = (instanceId: string, seq: number): string => `${instanceId} ${seq}`;
