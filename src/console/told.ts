/** Where it is told what came of an act. It has the focus from the act on: a second Enter finds no button there. */
import { useLayoutEffect, useRef } from 'preact/hooks';

const doubleMs = 500;
const fingerPx = 25;
let actedAtMs = -doubleMs;
let last: { x: number; y: number } | undefined;

/** The second tap of a double one does nothing: what lies under the finger by then may be another act. */
export const takeNoSecondTap = (): void => {
  document.addEventListener('input', () => {
    last = undefined;
  });
  document.addEventListener(
    'click',
    (event) => {
      const { detail, clientX: x, clientY: y, target } = event;
      // By a key, or by a script.
      if (detail === 0) return;
      const isNear = last !== undefined && Math.hypot(x - last.x, y - last.y) < fingerPx;
      last = { x, y };
      // Not every browser counts taps.
      const isSecond = detail > 1 || (isNear && performance.now() - actedAtMs < doubleMs);
      if (!isSecond || !(target instanceof Element) || target.closest('main button') === null) return;
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );
};

/**
 * @param said what came of the act, once it is there
 * @returns `at` for what it is told in, and `begin` for the moment of the act
 */
export const useTold = (said: unknown, isBusy: boolean) => {
  const at = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (said === undefined && !isBusy) return;
    actedAtMs = performance.now();
    // Whoever went elsewhere meanwhile stays there.
    if (said !== undefined && document.activeElement === at.current) at.current?.scrollIntoView({ block: 'nearest' });
  }, [said, isBusy]);
  // What is pressed does not move away under the finger.
  return { at, begin: () => at.current?.focus({ preventScroll: true }) };
};
