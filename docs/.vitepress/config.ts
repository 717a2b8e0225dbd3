import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitepress';
import { apiLinks } from './apiLinks.ts';
import { browserStubs } from './browserStubs.ts';
import { commandWords } from './commandWords.ts';
import { withPolicy } from './contentSecurity.ts';
import { hangingLines } from './hangingLines.ts';
import { inlineCode } from './inlineCode.ts';
import { noBreaks } from './noBreaks.ts';
import { outputs } from './outputs.ts';
import { descriptionOf, shareTags } from './pageHead.ts';
import { repositoryLinks } from './repository.ts';
import { sidebar } from './sidebar.ts';
import { tableColumns } from './tableColumns.ts';

/** Pages in folders, and the page that lists them. */
const listedOn = [
  { folder: 'contributing/', text: 'Contributing: all recipes', link: '/contributing#recipes' },
  { folder: 'api/', text: 'API', link: '/api/' },
];

export default defineConfig({
  title: 'HBNN',
  description: 'Heterogeneous bitwidth binarization of convolutional networks',
  // A project site of GitHub Pages lies below its repository's name: DOCS_BASE=/hbnn/.
  base: process.env.DOCS_BASE ?? '/',
  head: [
    [
      'link',
      { rel: 'icon', type: 'image/svg+xml', href: `${process.env.DOCS_BASE ?? '/'}favicon.svg` },
    ],
  ],
  srcExclude: ['README.md', 'generated/**'],
  lastUpdated: false,
  transformHtml: withPolicy,
  transformHead: ({ title, description }) => shareTags(title, description),
  transformPageData({ relativePath, filePath, frontmatter, description }, { siteConfig }) {
    const list = listedOn.find(({ folder }) => relativePath.startsWith(folder));
    if (list !== undefined && relativePath !== `${list.folder}index.md`) {
      frontmatter.prev ??= { text: list.text, link: list.link };
      frontmatter.next ??= false;
    }
    const file = join(siteConfig.srcDir, filePath);
    if (description !== '' || !existsSync(file)) return {};
    return { description: descriptionOf(readFileSync(file, 'utf8')) ?? '' };
  },
  // What a page needs and nothing more: the playgrounds' parts are large.
  router: { prefetchLinks: false },
  markdown: {
    config: (md) => {
      repositoryLinks(md);
      apiLinks(md);
      inlineCode(md);
      tableColumns(md);
      outputs(md);
      noBreaks(md);
    },
    codeTransformers: [hangingLines, commandWords],
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
  },
  vite: {
    plugins: [browserStubs()],
    // The playgrounds run the packages' sources.
    resolve: { conditions: ['hbnn-source', 'browser', 'module', 'import', 'default'] },
    ssr: { resolve: { conditions: ['hbnn-source', 'node', 'import', 'default'] } },
    build: { target: 'es2022', chunkSizeWarningLimit: 2000 },
    worker: { format: 'es', plugins: () => [browserStubs()] },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Playground', link: '/playground/bits', activeMatch: '^/playground/' },
      {
        text: 'Guide',
        link: '/guide/getting-started',
        activeMatch: '^/(idea|glossary|reference/|guide/(?!(reproduce|compare|limits)$))',
      },
      { text: 'API', link: '/api/', activeMatch: '^/(api|packages)/' },
      {
        text: 'Results',
        link: '/results/',
        activeMatch: '^/(results/|guide/(reproduce|compare|limits)$)',
      },
    ],
    sidebar,
    socialLinks: [
      {
        icon: {
          svg: '<svg viewBox="0 0 24 24"><path d="M12 .3a12 12 0 0 0-3.8 23.4c.6.1.8-.3.8-.6v-2c-3.3.7-4-1.6-4-1.6-.6-1.4-1.4-1.8-1.4-1.8-1-.7.1-.7.1-.7 1.2 0 1.9 1.2 1.9 1.2 1 1.8 2.8 1.3 3.5 1 0-.8.4-1.3.7-1.6-2.7-.3-5.5-1.3-5.5-6 0-1.2.5-2.3 1.3-3.1-.2-.4-.6-1.6 0-3.2 0 0 1-.3 3.4 1.2a11.5 11.5 0 0 1 6 0c2.3-1.5 3.3-1.2 3.3-1.2.6 1.6.2 2.8 0 3.2.9.8 1.3 1.9 1.3 3.2 0 4.6-2.8 5.6-5.5 5.9.5.4.9 1.2.9 2.3v3.3c0 .3.1.7.8.6A12 12 0 0 0 12 .3"/></svg>',
        },
        link: 'https://github.com/hbnn/hbnn',
        ariaLabel: 'Source on GitHub',
      },
    ],
    footer: { message: 'Apache-2.0. The embedded Fashion-MNIST subset: MIT, © 2017 Zalando SE.' },
  },
});
