/** The token of whoever signed in. It stands in this variable and nowhere else: a reload knows nothing of it. */
let token: string | undefined;
/** Whether the API has taken it: one that it never took is not asked for again by itself, or there would be no end. */
let isTaken = false;

/** The API took no token, or this one no longer. */
export const refusedEvent = 'pawl-sign-in-refused';

/** The service takes this browser for another person than it said. */
export const otherEvent = 'pawl-other-person';

export const setBearer = (given: string | undefined): void => {
  token = given;
  isTaken = false;
};
export const wasTaken = (): boolean => isTaken;

export const authorization = (): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

/** What the API made of it. */
export const noteAnswer = (status: number): void => {
  if (token === undefined) return;
  if (status === 401) window.dispatchEvent(new Event(refusedEvent));
  else isTaken = true;
};
