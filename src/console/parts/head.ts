/** The tab: its title says how it stands, its icon has a red dot while something is in doubt. */
import { useEffect } from 'preact/hooks';

const icon = (dot: string): string => {
  const mark =
    '<rect width="32" height="32" rx="7" fill="#334155"/><path d="M10 24V8h7a5 5 0 0 1 0 10h-7" fill="none" stroke="#fff" stroke-width="3.5"/>';
  const seen = dot === '' ? '' : `<circle cx="24" cy="8" r="8" fill="${dot}"/>`;
  return `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${mark}${seen}</svg>`)}`;
};

export const useHead = (title: string, need: 'doubt' | 'somebody' | 'nobody'): void => {
  useEffect(() => {
    document.title = title;
  }, [title]);
  useEffect(() => {
    const dot = { doubt: '#dc2626', somebody: '#d97706', nobody: '' }[need];
    const link = document.querySelector<HTMLLinkElement>('link[rel=icon]');
    if (link !== null) link.href = icon(dot);
  }, [need]);
};
