import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DefaultTheme } from 'vitepress';

const page = (text: string, link: string): DefaultTheme.SidebarItem => ({ text, link });

const recipesFolder = fileURLToPath(new URL('../contributing/', import.meta.url));

/** The recipes by their titles; they open below Contributing on its pages. */
const recipes = readdirSync(recipesFolder)
  .filter((file) => file.endsWith('.md'))
  .sort()
  .map((file) => {
    const title = /^# (.+)$/m.exec(readFileSync(`${recipesFolder}${file}`, 'utf8'))?.[1];
    if (title === undefined) throw new Error(`contributing/${file}: expected a title, found none`);
    return page(title, `/contributing/${file.replace(/\.md$/, '')}`);
  });

/** Pages in the order in which data flows: from a tensor to a circuit. */
export const sidebar: DefaultTheme.SidebarItem[] = [
  {
    text: 'Start',
    items: [
      page('What it is', '/'),
      page('The idea in five minutes', '/idea'),
      page('First five minutes', '/guide/getting-started'),
    ],
  },
  {
    text: 'Playground',
    items: [
      page('Bits', '/playground/bits'),
      page('Classify', '/playground/classify'),
      page('Hardware', '/playground/hardware'),
      page('Train', '/playground/train'),
    ],
  },
  {
    text: 'Guide',
    items: [
      page('Bit maps and selection', '/guide/bit-maps'),
      page('Which rule should I use?', '/guide/which-rule'),
      page('Training', '/guide/training'),
      page('Sweeps', '/guide/sweeps'),
      page('A network of your own', '/guide/own-network'),
      page('Importing a network', '/guide/import'),
      page('Binarizing without training', '/guide/quantize'),
      page('Data sets', '/guide/data-sets'),
      page('Backends', '/guide/backends'),
      page('Integer models', '/guide/integer-models'),
      page('Inference', '/guide/inference'),
      page('In a web page', '/guide/web'),
      page('Hardware', '/guide/hardware'),
      page('Streaming hardware', '/guide/streaming'),
      page('Estimates', '/guide/estimates'),
      page('Taking a model elsewhere', '/guide/export'),
      page('The command line', '/guide/command-line'),
    ],
  },
  {
    text: 'Results',
    items: [
      page('What came out', '/results/'),
      page('Reproducing the paper', '/guide/reproduce'),
      page('Comparison with other tools', '/guide/compare'),
      page('Limits', '/guide/limits'),
    ],
  },
  {
    text: 'Reference',
    items: [
      page('Glossary', '/glossary'),
      page('The .hbnn file', '/reference/file-format'),
      page('Integer layers', '/reference/integer-layers'),
      page('Networks and methods', '/reference/methods'),
      page('Inference kernels', '/reference/inference-kernels'),
      page('Sum circuits', '/reference/sum-circuits'),
      page('Proofs', '/reference/proofs'),
      page('Folded designs', '/reference/folded-designs'),
      page('Synthesis and placement', '/reference/synthesis'),
      page('Estimate calibration', '/reference/estimate-calibration'),
      page('How far it scales', '/reference/scale'),
      page('Setting up a backend', '/reference/backend-setup'),
      page('API', '/api/'),
    ],
  },
  {
    text: 'Packages',
    items: [
      ...[
        'core',
        'model',
        'circuit',
        'train',
        'import',
        'wasm',
        'verilog',
        'export',
        'estimator',
        'sweep',
        'cli',
        'datasets',
      ].map((name) => page(`@hbnn/${name}`, `/packages/${name}`)),
    ],
  },
  {
    text: 'Project',
    items: [
      { ...page('Contributing', '/contributing'), collapsed: true, items: recipes },
      page('Changelog', '/changelog'),
    ],
  },
];
