import type { SiteData } from 'vitepress';
import type { DefaultTheme } from 'vitepress/theme';

/** The place that a word is looked for in most often: many others have the word too, some in a heading. */
const placesOfWords: Readonly<Record<string, RegExp>> = {
  '1': /\/idea\.html#(?:the-new-idea|what-we-found)/,
  '4': /\/idea\.html#(?:the-new-idea|what-we-found)/,
  accuracy: /\/results\/#/,
  area: /\/guide\/estimates\.html#/,
  finn: /\/guide\/compare\.html#/,
  folding: /\/guide\/streaming\.html#/,
  install: /\/guide\/getting-started\.html#/,
  mobilenet: /\/(?:results\/#|guide\/training)/,
  npy: /\/guide\/bit-maps\.html#try-it/,
  power: /\/guide\/estimates\.html#energy/,
  verilog: /\/guide\/hardware\.html#/,
  wasm: /\/guide\/(?:inference|web)\.html#/,
};
const placeWeight = 8;

/**
 * How much a page's place counts in the search: guides come before the reference, and that before lists of names.
 *
 * @param page its address, with the heading
 * @param word the word of the search that it has
 */
function searchWeight(page: string, word: string): number {
  const isPlace = Object.hasOwn(placesOfWords, word) && placesOfWords[word].test(page);
  return (isPlace ? placeWeight : 1) * kindWeight(page);
}

function kindWeight(page: string): number {
  if (/\/(?:api|packages|changelog)\b/.test(page)) return 0.3;
  if (/\/results\/quick\b/.test(page)) return 0.4;
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
