// What the site shows of speeds, from the committed benches.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { details, measuredLine } from './measured.mjs';

/** Networks of the benches as the text writes them. */
const titles = { alexnet: 'AlexNet', mobilenet: 'MobileNet', vgg8: 'VGG-8' };

const allConvolutions = 'all convolutions';
const wholeNetwork = 'whole network';

/** Engines of the benches as the text writes them; HBNN's with the bits of weights and inputs. */
const engineTitles = {
  hbnn: 'HBNN',
  'hbnn, 2 threads': 'HBNN, 2 threads,',
  'tfjs-wasm float32': 'TensorFlow.js, float32',
  'litert int8': 'LiteRT.js, 8 bits',
  'onnxruntime-web float32': 'onnxruntime-web, float32',
  'onnxruntime-web int8': 'onnxruntime-web, 8 bits',
  'onnxruntime-node float32': 'onnxruntime-node, float32',
  'onnxruntime-node int8': 'onnxruntime-node, 8 bits',
};

const bitsOf = ({ bits }) => (bits ? ` ${bits.weights}/${bits.inputs}` : '');

function engineText(row) {
  const title = engineTitles[row.engine];
  if (title === undefined) throw new Error(`speed: no title of the engine '${row.engine}'`);
  return title + bitsOf(row);
}

/** A table with the engines below each other and a column of numbers for each of `columns`. */
const engineTable = (columns, rows) => [
  `| engine | ${columns.join(' | ')} |`,
  `| --- |${columns.map(() => ' ---: |').join('')}`,
  ...rows.map((cells) => `| ${cells.join(' | ')} |`),
];

/** The kernels' bench as tables: the sums of all networks first, then the layers of each network in parts that open. */
function writeKernels(committed, folder) {
  const file = join(committed, 'speed', 'kernels.json');
  const { rows, provenance } = JSON.parse(readFileSync(file, 'utf8'));
  const kinds = [...new Set(rows.map(engineText))];
  const networks = [...new Set(rows.map(({ network }) => network))];
  const rowOf = (network, layer, kind) =>
    rows.find((row) => row.network === network && row.layer === layer && engineText(row) === kind);
  const speed = (row) => row.gigamacsPerSecond.toFixed(1);
  const compared = (row) => `${speed(row)} (${row.ratio.toFixed(2)}×)`;
  /** All networks in one table: their convolutions, or all their layers. */
  const sums = (layer) =>
    engineTable(
      networks.map((network) => titles[network]),
      kinds
        .map((kind) => [kind, networks.map((network) => rowOf(network, layer, kind))])
        .filter(([, own]) => own.every((row) => row !== undefined))
        .map(([kind, own]) => [kind, ...own.map(compared)]),
    );
  const lines = [
    '**All convolutions of a network together, in Node on an AMD EPYC, 8 images at once:**',
    '',
    ...sums(allConvolutions),
    '',
    '**All layers of a network together, in Node on an AMD EPYC, 8 images at once:**',
    '',
    ...sums(wholeNetwork),
  ];
  for (const network of networks) {
    const own = rows.filter((row) => row.network === network);
    const single = [...new Set(own.map(({ layer }) => layer))].filter(
      (layer) => layer !== allConvolutions && layer !== wholeNetwork,
    );
    const found = kinds.filter((kind) => rowOf(network, single[0], kind) !== undefined);
    lines.push(
      '',
      '<details>',
      `<summary>Single layers of ${titles[network]}</summary>`,
      '',
      ...engineTable(
        single,
        found.map((kind) => [kind, ...single.map((layer) => speed(rowOf(network, layer, kind)))]),
      ),
      '',
      '</details>',
    );
  }
  const shares = rows.filter((row) => row.limitShare !== undefined);
  const worst = shares.reduce((a, b) => (b.limitShare < a.limitShare ? b : a));
  const percent = (row) => `${(100 * row.limitShare).toFixed(0)} %`;
  const { weights, inputs } = worst.bits;
  lines.push(
    '',
    measuredLine({ provenance }),
    '',
    '### Shares of the speed limit',
    '',
    'The table below compares the binarized convolutions of AlexNet with the speed limit of table lookup, the highest speed that lookups alone can reach. Weights and inputs of the convolutions in the table have 1 bit:',
    '',
    '| layer | share of the speed limit |',
    '| --- | ---: |',
    ...shares
      .filter((row) => row.network === 'alexnet' && bitsOf(row) === ' 1/1')
      .map((row) => `| ${row.layer} | ${percent(row)} |`),
    '',
    `Of all layers that are computed by table lookup, the layer ${worst.layer} of ${titles[worst.network]} reaches the smallest share of the speed limit. With weights of ${bitText(weights)} and inputs of ${bitText(inputs)}, the layer ${worst.layer} reaches only ${percent(worst)} of the speed limit of table lookup.`,
  );
  writeFileSync(join(folder, 'kernels.md'), `${lines.join('\n')}\n`);
}

/** How much faster than LiteRT.js a row's engine is, by the least times of the same part of the bench. */
function relativeToLitert(rows, row, sameBench) {
  const int8 = rows.find(
    (each) =>
      each.engine === 'litert int8' &&
      each.int8Ratio === 1 &&
      each.network === row.network &&
      sameBench(each) === sameBench(row),
  );
  if (int8 === undefined) throw new Error(`speed: no time of LiteRT.js, ${row.network}`);
  return int8.minimumMs / row.minimumMs;
}

/** Whole networks as tables: the least and the median time, and the least of LiteRT.js over the least of each. */
function writeWholeNetworks(committed, folder, { name, place, partOf }) {
  const file = join(committed, 'speed', `${name}.json`);
  const stored = JSON.parse(readFileSync(file, 'utf8'));
  const { rows } = stored;
  const networks = [...new Set(rows.map(({ network }) => network))];
  const lines = [];
  for (const part of new Set(rows.map(partOf))) {
    const kinds = [...new Set(rows.map(engineText))];
    const cellOf = (kind, network) => {
      const row = rows.find(
        (each) => each.network === network && partOf(each) === part && engineText(each) === kind,
      );
      if (row === undefined) throw new Error(`${name}: no time of ${kind}, ${network}, ${part}`);
      const times = [row.minimumMs, row.medianMs].map((ms) => ms.toFixed(ms < 10 ? 2 : 1));
      return `${times.join(' / ')} (${relativeToLitert(rows, row, partOf).toFixed(2)}×)`;
    };
    lines.push(
      `**${place}, ${part}:**`,
      '',
      ...engineTable(
        networks.map((network) => titles[network]),
        kinds.map((kind) => [kind, ...networks.map((network) => cellOf(kind, network))]),
      ),
      '',
    );
  }
  lines.push(measuredLine(stored));
  writeFileSync(join(folder, `${name}.md`), `${lines.join('\n')}\n`);
}

/** Geometry of the figure that compares with LiteRT.js, in its own pixels; the pages show it as wide as a text. */
const bars = { left: 160, right: 440, top: 46, high: 12, gap: 7, title: 26, most: 2 };

/** One network's bars: each processor and number of threads, at 1.4 and 2 bits. */
function networkBars(network, from, groups) {
  const xOf = (ratio) => bars.left + ((bars.right - bars.left) * ratio) / bars.most;
  const lines = [`<text x="4" y="${from + 14}" font-weight="600">${titles[network]}</text>`];
  let y = from + bars.title;
  for (const { title, ratios } of groups) {
    lines.push(`<text x="4" y="${y + bars.high + 5}" font-size="14">${title}</text>`);
    for (const { bits, ratio } of ratios) {
      if (ratio > bars.most) throw new Error(`speed: no room for a bar of ${ratio}`);
      const width = (xOf(ratio) - bars.left).toFixed(1);
      // A number stands right of the dashed line even where its bar ends just before it.
      const opacity = bits === '2' ? 0.75 : 0.4;
      lines.push(
        `<rect x="${bars.left}" y="${y}" width="${width}" height="${bars.high}" fill="var(--vp-c-brand-1, #3451b2)" fill-opacity="${opacity}"/>`,
        `<text x="${(xOf(Math.max(ratio, 1)) + 5).toFixed(1)}" y="${y + bars.high - 1}" font-size="13">${ratio.toFixed(2)}</text>`,
      );
      y += bars.high + 1;
    }
    y += bars.gap;
  }
  return { lines, to: y };
}

/** A figure of the speed in Chromium relative to LiteRT.js, with the cases where LiteRT.js is faster. */
function writeComparedFigure(committed, folder) {
  const benches = [
    ['AMD EPYC', 'browser'],
    ['Intel Xeon', 'browser-vnni'],
  ].map(([processor, name]) => {
    const file = join(committed, 'speed', `${name}.json`);
    return { processor, rows: JSON.parse(readFileSync(file, 'utf8')).rows };
  });
  const groupsOf = (network) =>
    benches.flatMap(({ processor, rows }) =>
      [1, 2].map((threads) => ({
        title: `${processor}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
        ratios: rows
          .filter(
            (row) => row.network === network && row.threads === threads && row.engine === 'hbnn',
          )
          .map((row) => ({
            bits: String(row.bits.weights),
            ratio: relativeToLitert(rows, row, threadsText),
          })),
      })),
    );
  const lines = [];
  let y = bars.top;
  for (const network of Object.keys(titles)) {
    const drawn = networkBars(network, y, groupsOf(network));
    lines.push(...drawn.lines);
    y = drawn.to + 4;
  }
  const equal = (bars.left + bars.right) / 2;
  const figure = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 ${y + 4}" style="max-width: 560px" role="img" aria-label="Bars of the speed of HBNN in Chromium relative to LiteRT.js with 8-bit weights, for three networks, two processors, one and two threads, and weights of 1.4 and 2 bits. A dashed line at 1 marks equal speed; a few bars of MobileNet and VGG-8 end at it or just before it." font-family="system-ui, sans-serif" font-size="15" fill="currentColor">`,
    `<rect x="${bars.left}" y="4" width="14" height="11" fill="var(--vp-c-brand-1, #3451b2)" fill-opacity="0.4"/>`,
    `<text x="${bars.left + 19}" y="14" font-size="14">1.4 bits</text>`,
    `<rect x="${bars.left + 84}" y="4" width="14" height="11" fill="var(--vp-c-brand-1, #3451b2)" fill-opacity="0.75"/>`,
    `<text x="${bars.left + 103}" y="14" font-size="14">2 bits</text>`,
    `<text x="${equal}" y="36" text-anchor="middle" font-size="14">1 = as fast as LiteRT.js</text>`,
    ...lines,
    `<path d="M${equal} 42V${y}" stroke="currentColor" stroke-dasharray="4 3"/>`,
    '</svg>',
  ];
  writeFileSync(join(folder, 'beside-litert.svg'), `${figure.join('\n')}\n`);
}

const batchText = ({ batch }) => (batch === 1 ? 'one image at a time' : `${batch} images at once`);
const threadsText = ({ threads }) => (threads === 1 ? 'one thread' : `${threads} threads`);

const bitText = (bits) => `${bits} ${Number(bits) === 1 ? 'bit' : 'bits'}`;

/** The training rows of the speed bench, as a table of both backends. */
function writeTraining(committed, folder) {
  const file = join(committed, 'speed', 'training.json');
  const { provenance, rows } = JSON.parse(readFileSync(file, 'utf8'));
  const trained = rows.filter(({ network }) => network !== undefined);
  const lines = [...new Set(trained.map(({ network }) => network))].map((network) => {
    const both = ['wasm', 'tensorflow'].map((backend) => {
      const row = trained.find((each) => each.network === network && each.backend === backend);
      if (row === undefined) throw new Error(`training: no speed of ${network} on ${backend}`);
      return row;
    });
    const speeds = both.map(({ imagesPerSecond, imagesPerCpuSecond }) => {
      const [all, ofProcessor] = [imagesPerSecond, imagesPerCpuSecond].map((speed) =>
        Math.round(speed).toLocaleString('en'),
      );
      return `${all} (${ofProcessor})`;
    });
    const shares = both.map(({ profile }) =>
      profile ? `${(100 * profile.binarizationShare).toFixed(0)} %` : '–',
    );
    return `| ${[network, ...speeds, shares.join(' / ')].join(' | ')} |`;
  });
  const { machine, commit, date } = provenance;
  const table = [
    '| network | `wasm` | `tensorflow` | binarizing |',
    '| --- | ---: | ---: | ---: |',
    ...lines,
    '',
    details([
      ['machine', machine],
      ['date', date],
      ['commit', commit.slice(0, 7)],
    ]),
  ];
  writeFileSync(join(folder, 'speed.md'), `${table.join('\n')}\n`);
}

/** How long models take to load, as a table: the shortest of new processes that take turns. */
function writeLoading(committed, folder) {
  const stored = JSON.parse(readFileSync(join(committed, 'speed', 'loading.json'), 'utf8'));
  const { rows } = stored;
  const whole = (ms) => ms.toFixed(ms < 10 ? 1 : 0);
  const lines = rows
    .filter(({ engine }) => engine === 'hbnn')
    .map((own) => {
      const int8 = rows.find(
        ({ engine, network }) => engine === 'litert int8' && network === own.network,
      );
      if (int8 === undefined) throw new Error(`loading: no time of LiteRT.js, ${own.network}`);
      const run = ({ firstRunMs, runMs }) => `${whole(firstRunMs)} / ${whole(runMs)}`;
      const cells = [int8.startMs, int8.loadMs, own.loadMs].map(whole);
      return `| ${[titles[own.network], ...cells, run(int8), run(own)].join(' | ')} |`;
    });
  const table = [
    '| network | LiteRT.js starts | LiteRT.js loads | HBNN starts and loads | LiteRT.js runs: first / later | HBNN runs: first / later |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...lines,
    '',
    'All times in the table are in milliseconds, and each time is the shortest of several new processes.',
    '',
    measuredLine(stored),
  ];
  writeFileSync(join(folder, 'loading.md'), `${table.join('\n')}\n`);
}

/** All pages of speeds, from the committed benches. */
export function writeSpeedPages(committed, folder) {
  mkdirSync(folder, { recursive: true });
  writeTraining(committed, folder);
  writeKernels(committed, folder);
  writeLoading(committed, folder);
  for (const [machine, processor] of [
    ['', 'an AMD EPYC'],
    ['-vnni', 'an Intel Xeon with AVX-VNNI'],
  ]) {
    writeWholeNetworks(committed, folder, {
      name: `whole-networks${machine}`,
      place: `Node on ${processor}`,
      partOf: batchText,
    });
    writeWholeNetworks(committed, folder, {
      name: `browser${machine}`,
      place: `Chromium on ${processor}`,
      partOf: threadsText,
    });
  }
  writeComparedFigure(committed, folder);
}
