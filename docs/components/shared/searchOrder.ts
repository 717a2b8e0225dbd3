import type { SiteData } from 'vitepress';
import type { DefaultTheme } from 'vitepress/theme';

/** How much a page's place counts in the search: guides come before the reference, and that before lists of names. */
function searchWeight(page: string): number {
  if (/\/(?:api|packages|changelog)\b/.test(page)) return 0.3;
  return /\/(?:reference|contributing|results)\b/.test(page) ? 0.7 : 1;
}

/**
 * The site's data with that order. In the configuration it would reach the page as text that runs as code, which the
 * content security policy forbids.
 */
export function withSearchOrder(
  site: SiteData<DefaultTheme.Config>,
): SiteData<DefaultTheme.Config> {
  const search: DefaultTheme.Config['search'] = {
    provider: 'local',
    options: { miniSearch: { searchOptions: { boostDocument: searchWeight } } },
  };
  return { ...site, themeConfig: { ...site.themeConfig, search } };
}
