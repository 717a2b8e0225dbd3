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
import { details, measuredLine } from './measured.mjs';
import { outcomes, withOutcomes } from './outcomes.mjs';
import {
  comparisonTable,
  equalityPage,
  optimalPage,
  plannedPage,
  variantsPage,
} from './outcomeTables.mjs';
import { writeSpeedPages } from './speedPages.mjs';

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
  const trainText = help('packages/cli/src/main.ts', ['train']);
  for (const [name, args] of Object.entries(commands)) {
    const text = help('packages/cli/src/main.ts', args);
    writeFileSync(join(folder, `${name}.help.md`), helpText(text, args, trainText));
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
  const lines = networks.map(({ name, title, input, parameters, macs }) => {
    const [height, width, channels] = input;
    if (channels !== 3) throw new Error(`hbnn networks: expected colour images, got ${input}`);
    const cells = [
      `\`${name}\`: ${title}`,
      `${height}×${width}`,
      ...[parameters, macs].map(number),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const table = [
    '| network | pixels | parameters | MACs per image |',
    '| --- | ---: | ---: | ---: |',
    ...lines,
    '',
    'The numbers of parameters and of multiply-adds (MACs) are for colour images. The column counts trained parameters. The parameter counts in our reports are larger: they include the running means and variances of batch normalization.',
  ];
  writeFileSync(join(docs, 'generated', 'networks.md'), `${table.join('\n')}\n`);
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
  for (const file of ['scale.svg', 'scale-narrow.svg'])
    cpSync(join(committed, 'speed', file), join(docs, 'generated', file));
  const number = (n) => n.toLocaleString('en');
  const power = (growth) =>
    growth === undefined
      ? 'too little to say'
      : `size<sup>${growth.exponent.toFixed(2)}</sup> from ${number(growth.from)} on`;
  const commits = [...new Set(stored.rows.flatMap(({ commit }) => commit ?? []))].map((commit) => [
    `commit of: ${stored.rows.flatMap((row) => (row.commit === commit ? row.work : [])).join('; ')}`,
    commit.slice(0, 7),
  ]);
  const lines = [
    '## How time and memory grow',
    '',
    measuredLine(stored, commits),
    '',
    wideFigures(
      '![Time and memory of each kind of work at all measured sizes](../generated/scale.svg)',
      join(docs, 'generated'),
    ),
    '',
  ];
  lines.push('The table shows the exponents of growth for each kind of work:', '');
  lines.push('| what | time grows as | memory grows as |', '| --- | --- | --- |');
  for (const { work, unit, time, memory } of stored.rows)
    lines.push(`| ${work} (${unit}) | ${power(time)} | ${power(memory)} |`);
  lines.push(
    '',
    'The table below shows the time and memory of each kind of work at all measured sizes:',
    '',
  );
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

/** What the tables of lanes show, by the groups of `lanes.json`. */
const laneTitles = {
  'weights alone, all planes at once':
    'In the table below, inputs have 1 bit, and a multiplying unit (lane) takes all bits of a weight in one cycle:',
  'weights alone, plane after plane':
    'In the table below, inputs have 1 bit, and a multiplying unit (lane) takes the bits of a weight one after another:',
  'inputs with several bits, planes of the weights at once':
    'In the table below, inputs have up to 2 bits, and a multiplying unit (lane) takes all bits of a weight in one cycle:',
};

/** What one layer takes on lanes of each kind, a table for each group. */
function writeLanes() {
  const stored = JSON.parse(readFileSync(join(committed, 'hardware', 'lanes.json'), 'utf8'));
  const lines = [
    measuredLine(stored),
    '',
    // The rows' `sites`: LUT6s of Xilinx's 7 series after packing, an estimate of @hbnn/verilog.
    'The tables below count lookup tables of an FPGA, each with up to 6 inputs. Two small lookup tables count as one if together they have at most 5 inputs. We estimated which small lookup tables can be joined, without placing the circuit on an FPGA.',
  ];
  for (const group of new Set(stored.rows.map((row) => row.group))) {
    const title = laneTitles[group];
    if (title === undefined) throw new Error(`lanes.json: no title of the group '${group}'`);
    lines.push(
      '',
      title,
      '',
      '| bits of weights / inputs | one bitwidth for each | fold | cycles | lookup tables | stored bits of a weight | lookup tables × cycles |',
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

/** Data sets of simulations as the text writes them. */
const dataTitles = { cifar10: 'CIFAR-10' };

/** Which rows were simulated on real images. */
function simulatedLine(rows) {
  const simulated = rows.filter(({ verilatorData }) => verilatorData !== undefined);
  if (simulated.length === 0) return '';
  const [{ verilatorImages, verilatorData }] = simulated;
  const same = simulated.every(
    (row) => row.verilatorImages === verilatorImages && row.verilatorData === verilatorData,
  );
  if (!same) throw new Error('networks.json: expected the same images in all simulations');
  const allAtOnce = rows.filter(({ lanes }) => lanes !== 'one plane');
  if (simulated.length !== allAtOnce.length || !simulated.every((row) => allAtOnce.includes(row)))
    throw new Error('networks.json: expected simulations of all circuits with all bits at once');
  return ` The simulator Verilator ran the circuits that multiply all bits at once, on the first ${verilatorImages} test images of ${dataTitles[verilatorData]}. All scores of the simulated circuits were equal to the scores of the integer model.`;
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
    const notes =
      lanes === 'both'
        ? ` The column “bits at once” says whether a multiplying unit takes one bit of a weight in a cycle, or all bits.${simulatedLine(own)}`
        : '';
    const made = details([
      ['synthesis', own[0].synthesized.yosys],
      ['commits', commits],
      ['machine', provenance.machine],
    ]);
    writeFileSync(
      join(docs, 'generated', `${file}.md`),
      `${cnvTable(rows, narrower, lanes)}\n\nThe column “LUTs × cycles” gives the product of lookup tables and clock cycles, relative to ${lanes === 'both' ? 'the circuit for 2 bits that multiplies all bits at once' : 'the circuit for 2 bits'}.${notes}\n\n${made}\n`,
    );
  }
}

/**
 * The head of a report's page. It is in no sidebar, so its links back and on are given here. Its wide tables need the room
 * of the list of sections.
 */
const reportHead = `---
pageClass: report
aside: false
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
const planned = 'https://github.com/hbnn/hbnn/blob/main/benchmarks/results/plans/cifar-results.md';

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
    .replaceAll(planned, '../plan-cifar/')
    .replaceAll(`${repository}index.md`, '../../')
    .replaceAll(new RegExp(`${repository.replaceAll('.', '\\.')}([\\w/-]+)\\.md`, 'g'), '../../$1');
  writeFileSync(join(open, 'report.html'), page);
  cpSync(join(from, 'results.json'), join(open, 'results.json'));
  const report = readFileSync(join(from, 'report.md'), 'utf8');
  const lines = report
    .replaceAll('](figures/', '](./figures/')
    .replaceAll(planned, '../plan-cifar/')
    .split('\n');
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
    const page = [reportHead, '', title, '', files, ...rest].join('\n');
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
    'The table counts the verdicts on all claims in our two reports: those of the HBNN paper, and some of our own. The verdicts “above” and “below” are for two settings that were claimed to be equally good. The verdict “above” means that the first setting is better than the second, perhaps by less than one point. The verdict “below” means that the first setting is worse than the second, perhaps by less than one point:',
    '',
    '| report | holds | does not hold | above | below | undecided |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...list.map(({ row }) => row),
  ];
  const none =
    'No results are committed yet. `npx -y pnpm@10.34.9 bench:reproduce` makes results in about 8 minutes on 2 cores.';
  writePlans();
  const isShown = (plan) => existsSync(join(docs, 'results', `plan-${plan}`));
  const page = [
    '---\naside: false\n---',
    '# What came out',
    'For the results below, we trained small versions of AlexNet-BN and MobileNet, with at most 40,000 parameters, on the images of CIFAR-10. So the results hold only for small networks and data.',
    '<Outcomes whole />',
    '## Many seeds',
    comparisonTable(committed),
    'The page of the [planned experiment](./plan-cifar/) lists every training and every test. The seeds and tests of the planned experiment were fixed before the trainings.',
    ...(isShown('scale')
      ? [
          'The page of the [experiment on scale](./plan-scale/) shows how the gap in accuracy between binarized and float networks changes with the width of a network and the length of its training.',
        ]
      : []),
    '## Every table and figure of the paper',
    'The command `bench:reproduce` made our reports, with smaller networks and other data than the HBNN paper’s. Each report shows our numbers beside the HBNN paper’s, with the commit, seeds, machine and data set.',
    profiles.length > 0 ? table.join('\n') : none,
    ...list.flatMap(({ has }) => has),
  ];
  writeFileSync(join(docs, 'results', 'index.md'), `${page.join('\n\n')}\n`);
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
writeSpeedPages(committed, join(docs, 'generated'));
writeOutcomes();
writeHelp();
writeNetworks();
writeScale();
writeLanes();
writeCnv();
