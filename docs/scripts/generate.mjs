// What the site shows but nobody writes: the results pages, from the committed reports, and the help of
// every command, from the commands themselves.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeApi } from './api.mjs';
import { commands } from './commands.mjs';
import { helpText } from './helpText.mjs';
import {
  equalityPage,
  optimalPage,
  outcomes,
  plannedPage,
  variantsPage,
  withOutcomes,
} from './outcomes.mjs';

const docs = fileURLToPath(new URL('..', import.meta.url));
const root = dirname(docs.replace(/\/$/, ''));
const committed = join(root, 'benchmarks', 'results');

/** The help of a program, as it prints it. */
function help(program, args) {
  const flags = ['--conditions=hbnn-source', '--import', 'tsx', join(root, program)];
  const { HBNN_BACKEND: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, ...args, '--help'], {
    ...{ cwd: root, encoding: 'utf8', env },
  });
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')} --help: exit code ${status}\n${stderr}`);
  return stdout;
}

function writeHelp() {
  const folder = join(docs, 'generated');
  mkdirSync(folder, { recursive: true });
  for (const [name, args] of Object.entries(commands)) {
    const text = help('packages/cli/src/main.ts', args);
    writeFileSync(join(folder, `${name}.help.md`), helpText(text));
  }
  const text = help('benchmarks/src/reproduce/reproduce.ts', []);
  writeFileSync(join(folder, 'reproduce.help.md'), helpText(text));
}

/** The networks with their counts, as the command lists them. */
function writeNetworks() {
  const flags = ['--conditions=hbnn-source', '--import', 'tsx'];
  const program = join(root, 'packages/cli/src/main.ts');
  const found = spawnSync(process.execPath, [...flags, program, 'networks', '--json'], {
    ...{ cwd: root, encoding: 'utf8' },
  });
  if (found.status !== 0)
    throw new Error(`hbnn networks: exit code ${found.status}\n${found.stderr}`);
  const { networks } = JSON.parse(found.stdout);
  const number = (n) => n.toLocaleString('en');
  const lines = networks.map(({ name, title, parameters, macs }) => {
    const cells = [`\`${name}\`: ${title}`, number(parameters), number(macs)];
    return `| ${cells.join(' | ')} |`;
  });
  const large = networks.filter(({ input }) => input.join('×') === '224×224×3');
  const isSmall = ({ input }) => input.join('×') === '32×32×3';
  if (!networks.every((network) => large.includes(network) || isSmall(network)))
    throw new Error('hbnn networks: expected images of 32×32×3 or 224×224×3');
  const names = large.map(({ name }) => `\`${name}\``);
  const table = [
    '| network | parameters | MACs per image |',
    '| --- | ---: | ---: |',
    ...lines,
    '',
    `The numbers of ${names.slice(0, -1).join(', ')} and ${names.at(-1)} are for images of 224 × 224 pixels with 3 channels, those of the other networks for 32 × 32 pixels with 3 channels.`,
  ];
  writeFileSync(join(docs, 'generated', 'networks.md'), `${table.join('\n')}\n`);
}

/** Networks of the benches as the text writes them. */
const titles = { alexnet: 'AlexNet', mobilenet: 'MobileNet', vgg8: 'VGG-8' };

const allConvolutions = 'all convolutions';
const wholeNetwork = 'whole network';

/** The kernels' bench as tables: one network each, all convolutions together and then its layers. */
function writeKernels() {
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
    const whole = kinds.flatMap((kind) => {
      const row = rowOf(wholeNetwork, kind);
      return row === undefined ? [] : `${compared(row)} with ${kind}`;
    });
    lines.push('', `The whole network, with its other layers: ${whole.join(', ')}.`);
  }
  const shares = rows.filter((row) => row.limitShare !== undefined);
  const worst = shares.reduce((a, b) => (b.limitShare < a.limitShare ? b : a));
  const percent = (row) => `${(100 * row.limitShare).toFixed(0)} %`;
  const ofAlexnet = shares
    .filter((row) => row.network === 'alexnet' && bitsOf(row) === ' 1/1')
    .map((row) => `${percent(row)} in ${row.layer}`)
    .join(', ');
  lines.push(
    '',
    `With weights and inputs of 1 bit, the layers of AlexNet reach these shares of the speed limit of table lookup: ${ofAlexnet}. Of all layers that are computed by table lookup, ${worst.layer} of ${titles[worst.network]} at${bitsOf(worst)} has the smallest share, ${percent(worst)}.`,
  );
  writeFileSync(join(docs, 'generated', 'kernels.md'), `${lines.join('\n')}\n`);
}

/** What stopped a size: a limit of the bench as it is, and of an error only the limit that it names. */
function stopOf(stoppedBy) {
  if (stoppedBy.startsWith('more than'))
    return stoppedBy.replace('the processor', 'processor time');
  const limit = /expected (?:a feature map of )?(?:at most|1 to) ([\d,]+) (\w+)/.exec(stoppedBy);
  if (!limit) return stoppedBy;
  const [, count, things] = limit;
  const where = stoppedBy.includes('feature map') ? ' of a feature map' : '';
  return `the limit of ${Number(count.replaceAll(',', '')).toLocaleString('en')} ${things}${where}`;
}

/** How time and memory grow, as tables: the powers of all works, then each one's points. */
function writeScale() {
  const stored = JSON.parse(readFileSync(join(committed, 'speed', 'scale.json'), 'utf8'));
  cpSync(join(committed, 'speed', 'scale.svg'), join(docs, 'generated', 'scale.svg'));
  const number = (n) => n.toLocaleString('en');
  const power = (growth) =>
    growth === undefined
      ? 'too little to say'
      : `size<sup>${growth.exponent.toFixed(2)}</sup> from ${number(growth.from)} on`;
  const lines = [
    '## How time and memory grow',
    '',
    measuredLine(stored),
    '',
    wideFigures('![Time and memory over sizes](../generated/scale.svg)', join(docs, 'generated')),
    '',
  ];
  lines.push('The table shows the exponents of growth for each kind of work:', '');
  lines.push('| what | time grows as | memory grows as |', '| --- | --- | --- |');
  for (const { work, unit, time, memory } of stored.rows)
    lines.push(`| ${work} (${unit}) | ${power(time)} | ${power(memory)} |`);
  lines.push('', 'The next table shows all measured sizes:', '');
  lines.push('| what | size | processor time | memory |', '| --- | ---: | ---: | ---: |');
  for (const { work, unit, points, stopped } of stored.rows) {
    for (const { size, cpuSeconds, peakMiB } of points) {
      const seconds = cpuSeconds.toFixed(cpuSeconds < 1 ? 3 : 1);
      lines.push(
        `| ${work} | ${number(size)} ${unit} | ${seconds} s | ${number(Math.round(peakMiB))} MiB |`,
      );
    }
    if (stopped !== undefined)
      lines.push(`| ${work} | ${number(stopped.size)} ${unit} | stopped by ${stopped.by} | |`);
  }
  const commits = new Set(stored.rows.flatMap(({ commit }) => commit ?? []));
  for (const commit of commits) {
    const own = stored.rows.filter((row) => row.commit === commit).map(({ work }) => work);
    lines.push('', `Measured at commit ${commit.slice(0, 7)}: ${own.join('; ')}.`);
  }
  const ends = stored.rows.filter(({ largest }) => largest !== undefined);
  if (ends.length > 0)
    lines.push(
      '',
      '## The largest sizes',
      '',
      'The table shows the largest size that was possible for each kind of work, and what stopped the next size:',
      '',
      '| what | largest size | next size | which is stopped by |',
      '| --- | ---: | ---: | --- |',
    );
  for (const { work, unit, largest } of ends) {
    const cells = [work, `${number(largest.size)} ${unit}`, number(largest.next)];
    lines.push(`| ${[...cells, stopOf(largest.stoppedBy)].join(' | ')} |`);
  }
  writeFileSync(join(docs, 'generated', 'scale.md'), `${foldedTables(lines.join('\n'))}\n`);
}

/** The titles of the tables of lanes, by the groups of `lanes.json`. */
const laneTitles = {
  'weights alone, all planes at once':
    'Inputs of 1 bit; a multiplying unit (lane) takes all bits of a weight in one cycle',
  'weights alone, plane after plane':
    'Inputs of 1 bit; a multiplying unit (lane) takes the bits of a weight one after the other',
  'inputs with several bits, planes of the weights at once':
    'Inputs of several bits; a multiplying unit (lane) takes all bits of a weight in one cycle',
};

/** What one layer takes on lanes of each kind, a table for each group. */
function writeLanes() {
  const stored = JSON.parse(readFileSync(join(committed, 'hardware', 'lanes.json'), 'utf8'));
  const lines = [measuredLine(stored)];
  for (const group of new Set(stored.rows.map((row) => row.group))) {
    lines.push(
      '',
      `**${laneTitles[group] ?? group}:**`,
      '',
      '| bits of weights / inputs | one bitwidth for each | fold | cycles | LUT6s | stored bits of a weight | LUT6s × cycles |',
      '| --- | --- | --- | ---: | ---: | ---: | ---: |',
    );
    for (const row of stored.rows.filter((each) => each.group === group))
      lines.push(
        `| ${row.bits} | ${row.map} | ${row.fold.replaceAll('x', '×')} | ${row.cycles.toLocaleString('en')} | ${row.sites.toLocaleString('en')} | ${row.storedBits.toFixed(2)} | ${row.product.toFixed(2)} |`,
      );
  }
  writeFileSync(join(docs, 'generated', 'lanes.md'), `${lines.join('\n')}\n`);
}

/**
 * CNV as folded Verilog, synthesized whole: a table of one width of its channels.
 *
 * @param lanes whether to show both kinds of lanes, or only those that multiply all bits of the weights in one cycle
 */
function cnvTable(rows, narrower, lanes) {
  const own = rows
    .filter((row) => row.narrower === narrower && row.synthesized !== undefined)
    .filter((row) => lanes === 'both' || row.lanes !== 'one plane')
    .sort((a, b) => Number.parseFloat(a.bits) - Number.parseFloat(b.bits));
  const cyclesOf = (row) => row.verilatorCycles ?? row.cyclesPerImage;
  const lutsOf = ({ luts, memoryLuts }) => luts + memoryLuts;
  const two = own.find(({ bits, lanes: of }) => bits === '2/2' && of === 'all planes');
  const lines = [
    `| bits of weights / inputs |${lanes === 'both' ? ' bits at once |' : ''} LUTs × cycles | cycles of an image | LUTs, with memories${lanes === 'both' ? ' (estimated)' : ''} | flip-flops | block RAMs |`,
    `| --- |${lanes === 'both' ? ' --- |' : ''} ---: | ---: | ---: | ---: | ---: |`,
  ];
  const number = (count) => count.toLocaleString('en');
  for (const row of own) {
    const { bits, synthesized, estimate } = row;
    const luts = lutsOf(synthesized);
    const product = (luts * cyclesOf(row)) / (lutsOf(two.synthesized) * cyclesOf(two));
    const cells = [
      bits.replace('/', ' / '),
      ...(lanes === 'both' ? [row.lanes === 'one plane' ? 'one' : 'all'] : []),
      product.toFixed(2),
      number(cyclesOf(row)),
      lanes === 'both' ? `${number(luts)} (${number(lutsOf(estimate))})` : number(luts),
      ...[synthesized.flipFlops, synthesized.blockRams].map(number),
    ];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

/** Which rows were simulated on real images. */
function simulatedLine(rows) {
  if (rows.length === 0) return '';
  const [{ verilatorImages, verilatorData }] = rows;
  const same = rows.every(
    (row) => row.verilatorImages === verilatorImages && row.verilatorData === verilatorData,
  );
  if (!same) throw new Error('networks.json: expected the same images in all simulations');
  const names = rows.map(({ bits }) => bits.replace('/', ' / ')).sort();
  return ` Verilator simulated the circuits of ${names.join(', ')} bits (all bits at once) on the first ${verilatorImages} test images of ${verilatorData}: all scores are those of the integer model.`;
}

/** The tables of CNV, each with the commits of its rows. */
function writeCnv() {
  const { provenance, rows } = JSON.parse(
    readFileSync(join(committed, 'hardware', 'networks.json'), 'utf8'),
  );
  for (const [file, narrower, lanes] of [
    ['cnv', 1, 'both'],
    ['cnv-quarter', 4, 'both'],
    ['cnv-limits', 4, 'all'],
  ]) {
    const own = rows.filter((row) => row.narrower === narrower && row.synthesized !== undefined);
    const commits = [...new Set(own.map(({ commit }) => commit.slice(0, 7)))].join(', ');
    const simulated = own
      .filter(({ verilatorData }) => verilatorData !== undefined)
      .map(({ bits, verilatorImages, verilatorData }) => ({
        bits,
        verilatorImages,
        verilatorData,
      }));
    const shown = lanes === 'both' ? simulatedLine(simulated) : '';
    const made = `${own[0].synthesized.yosys}; commits ${commits}; ${provenance.machine}`;
    writeFileSync(
      join(docs, 'generated', `${file}.md`),
      `${cnvTable(rows, narrower, lanes)}\n\nLUTs × cycles is relative to 2 / 2 with all bits in one cycle.${lanes === 'both' ? ' “Bits at once” says whether a multiplying unit takes one bit of a weight in a cycle, or all its bits.' : ''}${shown} (${made}.)\n`,
    );
  }
}

/** Where and how a bench's rows were measured. */
function measuredLine({ provenance, note }) {
  const { machine, node, backend, commit, command } = provenance;
  const shortCommand = command.replace(/ --note .*/, '');
  const beside = note === undefined ? '' : ` ${note.replace(/ Minima say most\.$/, '')}`;
  const engine = backend === 'none' ? '' : ` and ${backend}`;
  return `Measured by \`${shortCommand}\` at commit ${commit.slice(0, 7)}, on ${machine}, with Node ${node}${engine}.${beside}`;
}

/** Whole networks as a table: the least and the median time, and the least of LiteRT.js over the least of each. */
function writeWholeNetworks(name, partOf, kindOf) {
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
  writeFileSync(join(docs, 'generated', `${name}.md`), `${lines.join('\n')}\n`);
}

const batchText = ({ batch }) => (batch === 1 ? 'One image' : `${batch} images at once`);
const threadsText = ({ threads }) => (threads === 1 ? 'One thread' : `${threads} threads`);
const engineText = (row) => row.engine + bitsOf(row);

const bitsOf = ({ bits }) => (bits ? ` ${bits.weights}/${bits.inputs}` : '');

/** The head of a report's page. It is in no sidebar, so its links back and on are given here. */
const reportHead = `---
pageClass: report
prev: { text: 'What came out', link: '/results/' }
next: { text: 'Reproducing the paper', link: '/guide/reproduce' }
---

<script setup>
import { withBase } from 'vitepress';
</script>`;

/** A figure that a phone shows whole, almost to the edges of its screen. */
const isNarrow = (svg) => Number(/ width="(\d+)"/.exec(readFileSync(svg, 'utf8'))?.[1]) <= 480;

/** A wide figure for wide pages and paper, and its narrow version for the screens of phones. */
const twoWidths = (title, file, narrow) => `<picture class="two-widths">
<source media="screen and (max-width: 640px)" srcset="${narrow}">
<img src="${file}" alt="${title.replaceAll('"', '&quot;')}">
</picture>`;

/**
 * The text of a page in the folder `to`. A phone shows the narrow version of a wide figure, if there is one; otherwise the wide
 * figure is in a box of its own, which keeps it readable on a phone and scrolls sideways.
 */
const wideFigures = (text, to) =>
  text.replaceAll(/^!\[(.*?)\]\((.*?)\)$/gm, (figure, title, file) => {
    if (isNarrow(join(to, file))) return `<div class="narrow-figure">\n\n${figure}\n\n</div>`;
    const narrow = file.replace(/\.svg$/, '-narrow.svg');
    if (existsSync(join(to, narrow)))
      return `<div class="wide-figure">\n${twoWidths(title, file, narrow)}\n</div>`;
    return [
      `<div class="wide-figure" tabindex="0" role="region" aria-label="${title.replaceAll('"', '')}">`,
      figure,
      '</div>',
    ].join('\n\n');
  });

/** Rows of a table that a page shows without being asked; claims are always shown. */
const openRows = 40;

/** The text with each long table of numbers in a part that opens. */
const foldedTables = (text) =>
  text.replaceAll(/(?:^\|.*\|$\n?)+/gm, (table) => {
    const rows = table.trim().split('\n').length - 2;
    if (rows <= openRows || table.startsWith('|  | claim |')) return table;
    return `<details>\n<summary>All ${rows} rows</summary>\n\n${table.trim()}\n\n</details>\n`;
  });

/** Where reports that lie alone link to. */
const repository = 'https://github.com/hbnn/hbnn/blob/main/docs/';

/** One page from a profile's report; its figures lie beside it, its HTML among the public files. */
function writeProfile(profile) {
  const from = join(committed, profile);
  const to = join(docs, 'results', profile);
  mkdirSync(to, { recursive: true });
  cpSync(join(from, 'figures'), join(to, 'figures'), { recursive: true });
  const open = join(docs, 'public', 'results', profile);
  mkdirSync(open, { recursive: true });
  // On the site the report links to the site's own pages.
  const page = readFileSync(join(from, 'report.html'), 'utf8')
    .replaceAll(`${repository}index.md`, '../../')
    .replaceAll(new RegExp(`${repository.replaceAll('.', '\\.')}([\\w/-]+)\\.md`, 'g'), '../../$1');
  writeFileSync(join(open, 'report.html'), page);
  cpSync(join(from, 'results.json'), join(open, 'results.json'));
  const report = readFileSync(join(from, 'report.md'), 'utf8');
  const lines = report.replaceAll('](figures/', '](./figures/').split('\n');
  const files = `<p><a :href="withBase('/results/${profile}/report.html')" target="_self">The report as one file</a> · <a :href="withBase('/results/${profile}/results.json')" target="_self">its numbers as JSON</a></p>`;
  const title = `# HBNN reproduction, ${profile}`;
  const text = [reportHead, '', title, '', files, ...lines.slice(1)].join('\n');
  writeFileSync(join(to, 'index.md'), foldedTables(wideFigures(text, to)));
}

/** The page of each plan whose trainings are in a committed ledger. */
function writePlans() {
  const from = join(committed, 'plans');
  for (const name of readdirSync(from).filter((file) => file.endsWith('-results.md'))) {
    const plan = name.replace('-results.md', '');
    const to = join(docs, 'results', `plan-${plan}`);
    mkdirSync(to, { recursive: true });
    const csv = `${plan}-results.csv`;
    cpSync(join(from, csv), join(docs, 'public', 'results', csv));
    // A plan of which nothing can be drawn yet has no figures; a study of gaps has several, with narrow versions.
    for (const file of readdirSync(from))
      if (file.startsWith(`${plan}-results`) && file.endsWith('.svg'))
        cpSync(join(from, file), join(to, file));
    const text = readFileSync(join(from, name), 'utf8');
    const files = `<p><a :href="withBase('/results/${plan}-results.csv')" target="_self">The numbers as CSV</a></p>`;
    const [title, ...rest] = text
      .replaceAll(`](${plan}-results`, `](./${plan}-results`)
      .split('\n');
    // Wide tables need the room of the list of sections.
    const head = reportHead.replace('pageClass: report', 'pageClass: report\naside: false');
    const page = [head, '', title, '', files, ...rest].join('\n');
    writeFileSync(join(to, 'index.md'), wideFigures(page, to));
  }
}

function writeResults() {
  for (const folder of ['results', 'public/results']) {
    rmSync(join(docs, folder), { recursive: true, force: true });
  }
  mkdirSync(join(docs, 'results'), { recursive: true });
  const profiles = existsSync(committed)
    ? readdirSync(committed).filter(
        // Partial runs are not committed and not shown.
        (name) => !name.endsWith('-custom') && existsSync(join(committed, name, 'report.md')),
      )
    : [];
  for (const profile of profiles) writeProfile(profile);
  const list = profiles.map((profile) => {
    const { stages } = JSON.parse(readFileSync(join(committed, profile, 'results.json'), 'utf8'));
    const verdicts = stages.flatMap(({ claims }) => claims.map(({ verdict }) => verdict));
    const count = (verdict) => verdicts.filter((v) => v === verdict).length;
    const counts = ['holds', 'does not hold', 'above', 'below', 'undecided'].map(
      (verdict) => `${count(verdict)}`,
    );
    return {
      row: `| ${[`[${profile}](./${profile}/)`, ...counts].join(' | ')} |`,
      // Beside the counts the titles would leave no room for them on a narrow screen.
      has: [
        `The report **${profile}** has these parts:`,
        stages.map(({ title }) => `- ${title}`).join('\n'),
      ],
    };
  });
  const table = [
    'The table counts the verdicts on the paper’s claims. “Above” and “below” mean that two settings were claimed to be equally good, but the first is better or worse, perhaps by less than one point:',
    '',
    '| profile | holds | does not hold | above | below | undecided |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...list.map(({ row }) => row),
  ];
  const none =
    'No results are committed yet. `npx -y pnpm@10.34.9 bench:reproduce` makes them in about 8 minutes on 2 cores.';
  writePlans();
  const isShown = (plan) => existsSync(join(docs, 'results', `plan-${plan}`));
  const page = [
    '# What came out',
    '<Outcomes />',
    '## Many seeds',
    'The plan [cifar](./plan-cifar/) tests the paper’s claims about accuracy, with ten or more seeds for each setting. Its seeds and tests were fixed before the trainings.',
    ...(isShown('scale')
      ? [
          'The plan [scale](./plan-scale/) shows how the gap between binarized and float networks changes with the width of a network and the length of its training.',
        ]
      : []),
    '## Every table and figure of the paper',
    'The command `bench:reproduce` made these reports, with smaller networks and other data than the paper’s. They show each number beside the paper’s, with its commit, seeds, machine and data set.',
    profiles.length > 0 ? table.join('\n') : none,
    ...list.flatMap(({ has }) => has),
  ];
  writeFileSync(join(docs, 'results', 'index.md'), `${page.join('\n\n')}\n`);
}

/** The training rows of the speed bench, as a table. */
function writeSpeed() {
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
    `${machine}, ${date}, commit ${commit.slice(0, 7)}. Images per CPU-second are the images divided by the processor time of all threads; other programs on the machine hardly change this number.`,
  ];
  mkdirSync(join(docs, 'generated'), { recursive: true });
  writeFileSync(join(docs, 'generated', 'speed.md'), `${table.join('\n')}\n`);
}

/** What the home page, the README and the page about rules say came out. */
function writeOutcomes() {
  const file = join(docs, 'generated', 'outcomes.json');
  writeFileSync(file, `${JSON.stringify(outcomes(committed), undefined, 1)}\n`);
  writeFileSync(join(docs, 'generated', 'planned.md'), plannedPage(committed));
  writeFileSync(join(docs, 'generated', 'equality.md'), equalityPage(committed));
  writeFileSync(join(docs, 'generated', 'optimal.md'), optimalPage(committed));
  for (const [stage, reference] of [
    ['input-maps', 'inputs of 1.4 bits, map and scales for each image (the paper)'],
    ['weight-variants', 'weights of 1.4 bits, middle-out, a map per element (the paper)'],
  ])
    writeFileSync(
      join(docs, 'generated', `${stage}.md`),
      variantsPage(committed, stage, reference),
    );
  const readme = join(docs, '..', 'README.md');
  const text = readFileSync(readme, 'utf8');
  const renewed = withOutcomes(text, committed);
  if (renewed !== text) writeFileSync(readme, renewed);
}

/**
 * Yosys, which the hardware playground loads when it is asked to synthesize: four modules with their sizes, and their
 * loader. What is below share/ stays away: models of cells, 5 MB, that the playground's scripts do not read.
 */
function copyYosys() {
  const from = dirname(fileURLToPath(import.meta.resolve('@yowasp/yosys')));
  const to = join(docs, 'public', 'yosys');
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  const sizes = {};
  for (const name of readdirSync(from)) {
    if (!/\.(js|wasm)$/.test(name)) continue;
    cpSync(join(from, name), join(to, name));
    if (name.endsWith('.wasm')) sizes[name] = statSync(join(from, name)).size;
  }
  writeFileSync(join(to, 'sizes.json'), JSON.stringify(sizes));
}

writeResults();
writeApi(docs);
copyYosys();
writeSpeed();
writeOutcomes();
writeHelp();
writeNetworks();
writeKernels();
writeWholeNetworks('whole-networks', batchText, engineText);
writeWholeNetworks('browser', threadsText, engineText);
writeWholeNetworks('whole-networks-vnni', batchText, engineText);
writeWholeNetworks('browser-vnni', threadsText, engineText);
writeScale();
writeLanes();
writeCnv();
