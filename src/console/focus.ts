/**
 * The focus is never lost to the page as a whole: where what had it is gone or switched off, what stands around it has it, and
 * what had it again once it is back. Whoever is led to another page is at its `main`.
 */

/** Who had it last, and what stands around that, from inside out. */
let around: Element[] = [];
/** What has it in place of the first of them. */
let stand: Element | undefined;

const withAncestors = (one: Element | null): Element[] =>
  one === null || one === document.body ? [] : [one, ...withAncestors(one.parentElement)];
const mayHave = (one: Element): boolean => one.isConnected && one.id !== 'app' && !one.matches(':disabled');

const settle = (): void => {
  const now = document.activeElement;
  const holder = stand ?? around[0];
  if (holder === undefined) return;
  // Whoever went on to the browser itself is not called back.
  if (now === document.body ? mayHave(holder) : now !== holder) return;
  const next = around.find(mayHave) ?? document.querySelector('main');
  if (next === now || !(next instanceof HTMLElement)) return;
  stand = next;
  // What is reached by Tab stays so.
  if (next.tabIndex < 0) next.tabIndex = -1;
  next.focus({ preventScroll: true });
};

export const keepFocus = (root: Element): void => {
  document.addEventListener('focusin', ({ target }) => {
    if (target === stand || !(target instanceof Element)) return;
    around = withAncestors(target);
    stand = undefined;
  });
  // Whoever points elsewhere takes it away themselves; whoever points at what has it already keeps it.
  document.addEventListener('pointerdown', () => {
    around = [];
    stand = undefined;
  });
  document.addEventListener('click', () => {
    if (around.length === 0) around = withAncestors(document.activeElement);
  });
  new MutationObserver(settle).observe(root, { childList: true, subtree: true, attributeFilter: ['disabled'] });
};
