/** Whether people and cells could be told a service by it: http or https, no user, query or fragment, no slash at its end. */
export const isPublicUrl = (text: string): boolean => {
  if (!URL.canParse(text) || /[/?#]$/.test(text)) return false;
  const { protocol, username, search, hash } = new URL(text);
  return (protocol === 'https:' || protocol === 'http:') && username === '' && search === '' && hash === '';
};

/** How it has to be, as refusals say it. */
export const publicUrlForm = 'a URL with http or https, without user, query, fragment and a slash at its end';
