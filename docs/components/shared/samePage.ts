import { getScrollOffset, type Router } from 'vitepress';
import { pageOf } from './address.ts';

/**
 * Keep the page where the reader goes from one address of it to another: VitePress would load its script again, another
 * one than the first visit's, and everything on the page would begin anew.
 */
export function keepSamePage(router: Router): void {
  /** Whether a link is followed: Back and Forward scroll by themselves. */
  let isLink = false;
  const before = router.onBeforeRouteChange;
  router.onBeforeRouteChange = (to) => {
    isLink = true;
    return before?.(to);
  };
  router.onBeforePageLoad = (to) => {
    const byLink = isLink;
    isLink = false;
    const { pathname, hash } = new URL(to, location.href);
    const { component, data, path } = router.route;
    if (component === null || data.isNotFound || pageOf(pathname) !== pageOf(path)) return;
    if (byLink) scrollToHash(hash);
    return false;
  };
}

function scrollToHash(hash: string): void {
  const target = hash === '' ? null : document.getElementById(decoded(hash.slice(1)));
  const top = target === null ? 0 : window.scrollY + target.getBoundingClientRect().top;
  window.scrollTo(0, Math.max(0, top - getScrollOffset()));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
