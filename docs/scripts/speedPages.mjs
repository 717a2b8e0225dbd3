// What the site shows of speeds, from the committed benches.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { details, measuredLine } from './measured.mjs';

/** Networks of the benches as the text writes them. */
const titles = { alexnet: 'AlexNet', mobilenet: 'MobileNet', vgg8: 'VGG-8' };

const allConvolutions = 'all convolutions';
const wholeNetwork = 'whole network';

/** The kernels' bench as tables: one network each, all convolutions together and then its layers. */
function writeKernels(committed, folder) {
  const file = join(committed, 'speed', 'kernels.json');
  const { rows, provenance } = JSON.parse(readFileSync(file, 'utf8'));
  const kinds = [...new Set(rows.map((row) => row.engine + bitsOf(row)))];
  const lines = [measuredLine({ provenance })];
  for (const network of new Set(rows.map((row) => row.network))) {
    const own = rows.filter((row) => row.network === network);
    const single = [...new Set(own.map(({ layer }) => layer))].filter(
      (layer) => layer !== allConvolutions && layer !== wholeNetwork,
    );
    const layers = [allConvolutions, ...single];
    const rowOf = (layer, kind) =>
      own.find((row) => row.layer === layer && row.engine + bitsOf(row) === kind);
    lines.push('', `### Layers of ${titles[network]}`, '', `| engine | ${layers.join(' | ')} |`);
    lines.push(`| --- |${layers.map(() => ' ---: |').join('')}`);
    const speed = (row) => row.gigamacsPerSecond.toFixed(1);
    const compared = (row) => `${speed(row)} (${row.ratio.toFixed(2)}×)`;
    for (const kind of kinds) {
      const [all, ...others] = layers.map((layer) => rowOf(layer, kind));
      if (all === undefined) continue;
      lines.push(`| ${[kind, compared(all), ...others.map(speed)].join(' | ')} |`);
    }
    lines.push(
      '',
      `The table below shows the speed of all layers of ${titles[network]} together:`,
      '',
      '| engine | whole network |',
      '| --- | ---: |',
    );
    for (const kind of kinds) {
      const row = rowOf(wholeNetwork, kind);
      if (row !== undefined) lines.push(`| ${kind} | ${compared(row)} |`);
    }
  }
  const shares = rows.filter((row) => row.limitShare !== undefined);
  const worst = shares.reduce((a, b) => (b.limitShare < a.limitShare ? b : a));
  const percent = (row) => `${(100 * row.limitShare).toFixed(0)} %`;
  const { weights, inputs } = worst.bits;
  lines.push(
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

/** Whole networks as a table: the least and the median time, and the least of LiteRT.js over the least of each. */
function writeWholeNetworks(committed, folder, { name, partOf, kindOf }) {
  const file = join(committed, 'speed', `${name}.json`);
  const stored = JSON.parse(readFileSync(file, 'utf8'));
  const { rows } = stored;
  const networks = [...new Set(rows.map(({ network }) => network))];
  const lines = [measuredLine(stored)];
  for (const part of new Set(rows.map(partOf))) {
    lines.push('', `**${part}:**`, '');
    lines.push(`| engine | ${networks.map((network) => titles[network]).join(' | ')} |`);
    lines.push(`| --- |${networks.map(() => ' ---: |').join('')}`);
    for (const kind of new Set(rows.map(kindOf))) {
      const cells = networks.map((network) => {
        const own = rows.filter((row) => row.network === network && partOf(row) === part);
        const row = own.find((each) => kindOf(each) === kind);
        const int8 = own.find((each) => each.engine === 'litert int8' && each.int8Ratio === 1);
        if (row === undefined || int8 === undefined)
          throw new Error(`${name}: no time of ${kind}, ${network}, ${part}`);
        const times = [row.minimumMs, row.medianMs].map((ms) => ms.toFixed(ms < 10 ? 2 : 1));
        return `${times.join(' / ')} (${(int8.minimumMs / row.minimumMs).toFixed(2)}×)`;
      });
      lines.push(`| ${kind} | ${cells.join(' | ')} |`);
    }
  }
  writeFileSync(join(folder, `${name}.md`), `${lines.join('\n')}\n`);
}

const batchText = ({ batch }) => (batch === 1 ? 'One image' : `${batch} images at once`);
const threadsText = ({ threads }) => (threads === 1 ? 'One thread' : `${threads} threads`);
const engineText = (row) => row.engine + bitsOf(row);

const bitText = (bits) => `${bits} ${Number(bits) === 1 ? 'bit' : 'bits'}`;

const bitsOf = ({ bits }) => (bits ? ` ${bits.weights}/${bits.inputs}` : '');

/** The training rows of the speed bench, as a table. */
function writeTraining(committed, folder) {
  const file = join(committed, 'speed', 'training.json');
  const { provenance, rows } = JSON.parse(readFileSync(file, 'utf8'));
  const lines = rows
    .filter(({ network }) => network !== undefined)
    .map(({ network, backend, imagesPerSecond, imagesPerCpuSecond, profile }) => {
      const speeds = [imagesPerSecond, imagesPerCpuSecond].map((speed) =>
        Math.round(speed).toLocaleString('en'),
      );
      const share = profile ? `${(100 * profile.binarizationShare).toFixed(0)} %` : '';
      return `| ${[network, backend, ...speeds, share].join(' | ')} |`;
    });
  const { machine, commit, date } = provenance;
  const table = [
    '| network | backend | images per second | images per CPU-second | time in binarization |',
    '| --- | --- | ---: | ---: | ---: |',
    ...lines,
    '',
    'The column “images per CPU-second” is the number of images divided by the processor time of all threads. Other programs on the machine hardly change the number of images per CPU-second.',
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
  for (const machine of ['', '-vnni']) {
    const [node, browser] = ['whole-networks', 'browser'].map((name) => `${name}${machine}`);
    writeWholeNetworks(committed, folder, { name: node, partOf: batchText, kindOf: engineText });
    writeWholeNetworks(committed, folder, {
      name: browser,
      partOf: threadsText,
      kindOf: engineText,
    });
  }
}
