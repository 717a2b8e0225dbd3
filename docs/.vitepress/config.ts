import { defineConfig } from 'vitepress';
import { repositoryLinks } from './repository.ts';

export default defineConfig({
  title: 'HBNN',
  description: 'Heterogeneous bitwidth binarization of convolutional networks',
  // A project site of GitHub Pages lies below its repository's name: DOCS_BASE=/hbnn/.
  base: process.env.DOCS_BASE ?? '/',
  srcExclude: ['README.md'],
  lastUpdated: false,
  markdown: { config: repositoryLinks },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Guide', link: '/guide/getting-started' },
      { text: 'Packages', link: '/packages/core' },
      { text: 'Results', link: '/results/' },
    ],
    sidebar: [
      {
        text: 'Guide',
        items: [
          { text: 'What it is', link: '/' },
          { text: 'Getting started', link: '/guide/getting-started' },
          { text: 'Bit maps and selection', link: '/guide/bit-maps' },
          { text: 'Training', link: '/guide/training' },
          { text: 'A network of your own', link: '/guide/own-network' },
          { text: 'Integer models', link: '/guide/integer-models' },
          { text: 'Inference on a CPU', link: '/guide/inference' },
          { text: 'Hardware', link: '/guide/hardware' },
          { text: 'Streaming hardware', link: '/guide/streaming' },
          { text: 'Estimates', link: '/guide/estimates' },
          { text: 'Backends', link: '/guide/backends' },
          { text: 'Data sets', link: '/guide/data-sets' },
          { text: 'Reproducing the paper', link: '/guide/reproduce' },
          { text: 'The command line', link: '/guide/command-line' },
        ],
      },
      {
        text: 'Packages',
        items: [
          { text: '@hbnn/core', link: '/packages/core' },
          { text: '@hbnn/model', link: '/packages/model' },
          { text: '@hbnn/circuit', link: '/packages/circuit' },
          { text: '@hbnn/train', link: '/packages/train' },
          { text: '@hbnn/wasm', link: '/packages/wasm' },
          { text: '@hbnn/verilog', link: '/packages/verilog' },
          { text: '@hbnn/estimator', link: '/packages/estimator' },
          { text: '@hbnn/cli', link: '/packages/cli' },
          { text: '@hbnn/datasets', link: '/packages/datasets' },
          { text: 'benchmarks', link: '/guide/reproduce' },
        ],
      },
      {
        text: 'Project',
        items: [
          { text: 'Results', link: '/results/' },
          { text: 'Contributing', link: '/contributing' },
        ],
      },
    ],
    footer: { message: 'Apache-2.0. The embedded Fashion-MNIST subset: MIT, © 2017 Zalando SE.' },
  },
});
