import { getScrollOffset } from 'vitepress';
import { onBeforeUnmount, onMounted, type WatchSource, watch } from 'vue';

/** What visitors do to move on a page. */
const moves = ['wheel', 'touchstart', 'pointerdown', 'keydown'] as const;

/**
 * Bring the heading that the address names into view where a playground shows it late, after each change, as parts above
 * it come later still; until the visitor moves.
 */
export function scrollToLateHeading(changes: WatchSource | WatchSource[]): void {
  let hash = '';
  const end = (): void => {
    hash = '';
    for (const move of moves) window.removeEventListener(move, end);
  };
  onMounted(() => {
    hash = location.hash;
    if (hash === '') return;
    for (const move of moves) window.addEventListener(move, end, { passive: true });
  });
  onBeforeUnmount(end);
  watch(
    changes,
    () => {
      const heading = hash === '' ? null : document.getElementById(hash.slice(1));
      if (!heading) return;
      const top = window.scrollY + heading.getBoundingClientRect().top - getScrollOffset();
      window.scrollTo(0, top + Number.parseFloat(getComputedStyle(heading).paddingTop));
    },
    { flush: 'post' },
  );
}
