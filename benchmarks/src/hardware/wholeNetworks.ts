/**
 * Whole networks as folded hardware: `pnpm bench:networks [--bits 1/1,1.2/1.2,1.4/1.4,2/2] [--narrower N] [--one-plane]
 * [--parts] [--synth] [--simulate IMAGES [--data NAME] [--from FOLDER]] [--out FOLDER] [--save]`. CNV (VGG-8) with random
 * weights, a map per position, at FINN's folds; with --narrower its channels and lanes divided by N, in as many cycles. The
 * lanes multiply all planes of the weights in one cycle; with --one-plane they take one plane after the other. For each
 * pair of bits of weights and inputs: what generating takes, cycles per image as the design says and, with --simulate, as
 * Verilator has them, where all scores have to be the model's, for noise or for the first test images of a data set (such
 * as --data cifar10); with --parts LUTs, flip-flops and memories of each layer by Yosys's own script for Xilinx, with
 * --synth those of the whole as `hbnn synth` counts them, beside the estimate. --save keeps the rows in
 * benchmarks/results/hardware/networks.json, in place of earlier ones of the same width, bits and lanes; what was
 * synthesized or simulated before stays where the circuit has as many cycles and parts as then. --estimates estimates the
 * rows that are kept again, beside what was synthesized and simulated of them before, and keeps them with --save.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Fold, type FoldedDesign, foldedDesign, planesAtOnce } from '@hbnn/circuit';
import { modelPixels } from '@hbnn/cli/evaluateModel';
import { decimal, seedNumber, wholeNumber } from '@hbnn/cli/numbers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { distFromAverage, HbnnError } from '@hbnn/core';
import { openDataset } from '@hbnn/datasets';
import { estimateRtl } from '@hbnn/estimator';
import { type CheckedModel, featureCount } from '@hbnn/model';
import {
  findNativeYosys,
  NativeRunner,
  synthesisTarget,
  synthesize,
  testbenchFiles,
  verilogFiles,
} from '@hbnn/verilog';
import { cnvFoldsOf, cnvModel } from '../networks/cnvModel.ts';
import { type NetworkRow, type NetworkSize, storedNetworks } from '../results/networkRows.ts';
import { checkWritable } from '../results/paths.ts';
import { provenance } from '../results/provenance.ts';
import { saveRows } from '../results/storedRows.ts';

const { values } = scriptOptions(import.meta.url, {
  options: {
    bits: { type: 'string', default: '1/1,1.2/1.2,1.4/1.4,2/2' },
    seed: { type: 'string', default: '1' },
    narrower: { type: 'string', default: '1' },
    'one-plane': { type: 'boolean', default: false },
    parts: { type: 'boolean', default: false },
    synth: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    estimates: { type: 'boolean', default: false },
    simulate: { type: 'string', default: '0' },
    data: { type: 'string' },
    from: { type: 'string' },
    out: { type: 'string' },
    /** For a process of its own, whose memory is measured: the folder to write. */
    generate: { type: 'string' },
  },
});
const seed = seedNumber(values.seed, '--seed');
const images = seedNumber(values.simulate, '--simulate');
const narrower = wholeNumber(values.narrower, '--narrower');
if (![1, 2, 4].includes(narrower))
  throw new HbnnError(
    `--narrower: expected 1, 2 or 4, which divide FINN's lanes, got ${narrower}; give one of them`,
  );
for (const bits of values.bits.split(',')) bitsOf(bits);
if (values.out !== undefined) checkWritable(values.out, '--out');
if (values.data !== undefined && images === 0)
  throw new HbnnError(
    `--data: expected --simulate beside it, got --data ${values.data} alone; add --simulate 100`,
  );
if (values.from !== undefined && values.data === undefined)
  throw new HbnnError('--from: expected --data beside it, got none; add --data cifar10');

type Bits = readonly [weights: number, inputs: number];

interface Generated {
  readonly top: string;
  readonly seconds: number;
  readonly peakMb: number;
  readonly megabytes: number;
  readonly cyclesPerImage: number;
  readonly slowestLayerCycles: number;
  readonly estimate: NetworkSize;
  readonly parts: readonly {
    readonly layer: string;
    readonly module: string;
    readonly cycles: number;
  }[];
}

function bitsOf(text: string): Bits {
  const [weights, inputs, ...more] = text.split('/');
  if (inputs === undefined || more.length > 0)
    throw new HbnnError(
      `--bits: expected pairs such as 1.4/1.4, got '${text}'; give WEIGHTS/INPUTS`,
    );
  const bits = [decimal(weights, '--bits'), decimal(inputs, '--bits')] as const;
  for (const average of bits) distFromAverage(average, '--bits');
  return bits;
}

/** FINN's folds, with lanes for all planes of the weights or for one. */
function foldsOf(
  { layers }: CheckedModel,
  by = narrower,
  onePlane = values['one-plane'],
): Record<string, Fold> {
  const folds = cnvFoldsOf(by);
  if (onePlane) return folds;
  return Object.fromEntries(
    layers.flatMap((layer) => {
      if (!('weights' in layer)) return [];
      const planes = planesAtOnce(layer.weights);
      return [[layer.name, { ...folds[layer.name], ...(planes > 1 && { planes }) }]];
    }),
  );
}

/** The first test images of the data set that is asked for; undefined for noise. */
async function testPixels(model: CheckedModel): Promise<Uint8Array | undefined> {
  if (values.data === undefined || images === 0) return undefined;
  const place = (option: string): string => `--${option}`;
  const { test } = await openDataset(values.data, { from: values.from, place });
  if (test.count < images)
    throw new HbnnError(
      `--simulate: expected at most the ${test.count} test images of ${values.data}, got ${images}; give fewer`,
    );
  const size = featureCount(model.input.shape);
  const pixels = new Uint8Array(images * size);
  let at = 0;
  for await (const batch of modelPixels(model, test)) {
    const left = batch.pixels.subarray(0, (images - at) * size);
    pixels.set(left, at * size);
    at += left.length / size;
    if (at === images) break;
  }
  return pixels;
}

/** Make the design and write it, as a process of its own. */
async function generate(folder: string, [weights, inputs]: Bits): Promise<Generated> {
  const start = performance.now();
  const model = cnvModel(seed, { weights, inputs, mapPer: 'position' }, narrower);
  const design = foldedDesign(model, { style: 'xc7', folds: foldsOf(model) });
  const text = verilogFiles(design);
  const seconds = (performance.now() - start) / 1000;
  const peakMb = process.resourceUsage().maxRSS / 1024;
  const pixels = await testPixels(model);
  const vectors = pixels === undefined ? { images: Math.max(1, images) } : { pixels };
  const files = { ...text, ...testbenchFiles(model, design, vectors) };
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const { cyclesPerImage, scheduledCycles, layers, scores, top } = design;
  return {
    top,
    seconds,
    peakMb,
    megabytes: Object.values(text).reduce((sum, { length }) => sum + length, 0) / 1e6,
    cyclesPerImage,
    slowestLayerCycles: scheduledCycles,
    estimate: estimateOf(design),
    parts: [
      ...layers.map(({ layer, module, cycles }) => ({ layer, module, cycles: cycles.scheduled })),
      { layer: 'scores', module: scores.unit.name, cycles: scores.beats },
    ],
  };
}

function estimateOf(design: FoldedDesign): NetworkSize {
  const { luts, memoryLuts, flipFlops, blockRams } = estimateRtl(design, 'xc7');
  return {
    luts: Math.round(luts.value),
    memoryLuts: memoryLuts.value,
    flipFlops: flipFlops.value,
    blockRams: blockRams.value,
  };
}

/** Synthesize the whole as `hbnn synth --target xc7 --yosys native` does, in this process. */
async function wholeSize(folder: string, top: string) {
  const files = Object.fromEntries(
    readdirSync(folder)
      .filter((name) => /\.(v|hex)$/.test(name))
      .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  );
  const yosys = findNativeYosys();
  const target = synthesisTarget('xc7', (file) => {
    throw new HbnnError(`${file}: expected no library`);
  });
  const start = performance.now();
  const { luts, flipFlops, blockRams, memoryLuts } = await synthesize(files, top, target, {
    runner: new NativeRunner(yosys),
    runnerName: yosys.version,
    onFile: (done, total, name) => console.error(`synthesized ${done} of ${total} ${name}`),
  });
  const seconds = Math.round((performance.now() - start) / 1000);
  return { luts, flipFlops, blockRams, memoryLuts, synthSeconds: seconds, yosys: yosys.version };
}

function generatedApart(folder: string, bits: string): Generated {
  const self = fileURLToPath(import.meta.url);
  const args = [...process.execArgv, self, '--generate', folder, '--bits', bits];
  const asked = ['--seed', values.seed, '--simulate', values.simulate];
  if (values.data !== undefined) asked.push('--data', values.data);
  if (values.from !== undefined) asked.push('--from', values.from);
  asked.push('--narrower', values.narrower, ...(values['one-plane'] ? ['--one-plane'] : []));
  const text = execFileSync(process.execPath, [...args, ...asked], { encoding: 'utf8' });
  return JSON.parse(text) as Generated;
}

const cellKinds = ['LUT', 'FF', 'CARRY4', 'RAM32M', 'RAMB18', 'RAMB36'] as const;
type Cells = Record<(typeof cellKinds)[number], number>;

/** Cells by kind, LUT6_2 as one LUT and RAM64M as two RAM32M. */
function cellsOf(log: string): Cells {
  const cells: Cells = { LUT: 0, FF: 0, CARRY4: 0, RAM32M: 0, RAMB18: 0, RAMB36: 0 };
  for (const [, name, count] of log.matchAll(/^ +([A-Z][A-Z0-9_]+) +(\d+)$/gm)) {
    const n = Number(count);
    if (/^LUT[1-6](_2)?$/.test(name)) cells.LUT += n;
    else if (/^FD[CPRS]E$/.test(name)) cells.FF += n;
    else if (name === 'CARRY4') cells.CARRY4 += n;
    else if (/^RAM32(M|X)/.test(name)) cells.RAM32M += n;
    else if (/^RAM(64|128)/.test(name)) cells.RAM32M += 2 * n;
    else if (name.startsWith('RAMB18')) cells.RAMB18 += n;
    else if (name.startsWith('RAMB36')) cells.RAMB36 += n;
  }
  return cells;
}

async function synthesized(folder: string, module: string): Promise<Cells> {
  const script = `read_verilog hbnn_xc7.v ${module}.v; read_verilog -lib +/xilinx/cells_sim.v; synth_xilinx -family xc7 -flatten -top ${module}; stat`;
  const yosys = spawn('yosys', ['-p', script], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  yosys.stdout.on('data', (text) => {
    // What is counted stands at the end.
    log = (log + text).slice(-100_000);
  });
  yosys.stderr.resume();
  const code = await new Promise((done, failed) => {
    yosys.on('error', failed);
    yosys.on('close', done);
  });
  if (code !== 0)
    throw new HbnnError(
      `yosys: expected to synthesize ${module}, got: ${log.slice(-200)}; look at ${folder}`,
    );
  return cellsOf(log.slice(log.lastIndexOf('Number of cells:')));
}

/** Cycles from image to image where neither end waits. @throws HbnnError where a score is wrong */
function simulated(folder: string): number {
  const flags = 'VERILATOR_FLAGS=-O3 -CFLAGS -O1';
  const run = spawnSync('make', ['-s', 'verilator', flags], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1e9,
  });
  const cycles = [...run.stdout.matchAll(/(\d+) cycles after the image before|both ends wait/g)];
  const quick = cycles.slice(
    0,
    cycles.findIndex(([text]) => text === 'both ends wait'),
  );
  if (run.status !== 0 || !run.stdout.includes(`PASS ${images} images`))
    throw new HbnnError(
      `make verilator: expected PASS ${images} images, got: ${run.stdout.slice(-200)}${run.stderr.slice(-200)}; look at ${folder}`,
    );
  return Number(quick.at(-1)?.[1]);
}

async function partsTable(folder: string, { parts }: Generated): Promise<Cells> {
  console.log(`| layer | cycles | ${cellKinds.join(' | ')} |`);
  console.log(`| --- | ---: | ${cellKinds.map(() => '---:').join(' | ')} |`);
  const total: Cells = { LUT: 0, FF: 0, CARRY4: 0, RAM32M: 0, RAMB18: 0, RAMB36: 0 };
  for (const { layer, module, cycles } of parts) {
    const cells = await synthesized(folder, module);
    for (const kind of cellKinds) total[kind] += cells[kind];
    console.log(`| ${[layer, cycles, ...cellKinds.map((kind) => cells[kind])].join(' | ')} |`);
  }
  return total;
}

const storedRow = (
  bits: string,
  made: Generated,
  whole: Awaited<ReturnType<typeof wholeSize>> | undefined,
  verilatorCycles: number | undefined,
): NetworkRow => ({
  network: 'CNV',
  narrower,
  bits,
  ...(bits.startsWith('1/') ? {} : { lanes: values['one-plane'] ? 'one plane' : 'all planes' }),
  commit: provenance('none', 'pnpm bench:networks').commit,
  generateSeconds: Number(made.seconds.toFixed(1)),
  generatePeakMb: Math.round(made.peakMb),
  verilogMb: Number(made.megabytes.toFixed(2)),
  slowestLayerCycles: made.slowestLayerCycles,
  cyclesPerImage: made.cyclesPerImage,
  estimate: made.estimate,
  ...(whole !== undefined && { synthesized: whole }),
  ...(verilatorCycles !== undefined && {
    verilatorCycles,
    verilatorImages: images,
    ...(values.data !== undefined && { verilatorData: values.data }),
    verilatorCommit: provenance('none', 'pnpm bench:networks').commit,
  }),
});

const isSameNetwork = (a: NetworkRow, b: NetworkRow): boolean =>
  a.narrower === b.narrower && a.bits === b.bits && a.lanes === b.lanes;

/** A new row, with what was synthesized and simulated before of a circuit of as many cycles and parts. */
function withEarlier(row: NetworkRow, earlier: readonly NetworkRow[]): NetworkRow {
  const before = earlier.find((each) => isSameNetwork(each, row));
  const isSame =
    before?.cyclesPerImage === row.cyclesPerImage &&
    JSON.stringify(before.estimate) === JSON.stringify(row.estimate);
  if (!isSame) return row;
  // The commit of a row is that of its synthesis.
  return row.synthesized === undefined
    ? { ...before, ...row, commit: before.commit }
    : { ...before, ...row };
}

/** Keep rows beside those of other widths, bits and lanes. */
function keepRows(rows: readonly NetworkRow[]): void {
  const earlier = storedNetworks();
  saveRows('hardware', 'networks', 'none needed', [
    ...earlier.filter((row) => !rows.some((each) => isSameNetwork(each, row))),
    ...rows.map((row) => withEarlier(row, earlier)),
  ]);
}

async function measure(): Promise<void> {
  const { commit, machine, node } = provenance('none', 'pnpm bench:networks');
  console.log(
    `CNV at FINN's folds, a map per position; commit ${commit}; seed ${seed}; ${machine}; Node ${node}\n`,
  );
  const root = values.out ?? mkdtempSync(join(tmpdir(), 'hbnn-networks-'));
  const rows: string[] = [];
  const stored: NetworkRow[] = [];
  for (const bits of values.bits.split(',')) {
    const folder = join(root, bits.replace('/', '_'));
    const made = generatedApart(folder, bits);
    if (values.parts) console.log(`\nCNV, ${bits} bits\n`);
    const total = values.parts ? await partsTable(folder, made) : undefined;
    const synthesizedWhole = values.synth ? await wholeSize(folder, made.top) : undefined;
    const verilatorCycles = images > 0 ? simulated(folder) : undefined;
    stored.push(storedRow(bits, made, synthesizedWhole, verilatorCycles));
    console.log(JSON.stringify(stored[stored.length - 1]));
    const cells = [
      bits,
      made.seconds.toFixed(1),
      made.peakMb.toFixed(0),
      made.megabytes.toFixed(1),
      made.slowestLayerCycles,
      made.cyclesPerImage,
      verilatorCycles ?? '',
      ...cellKinds.map((kind) => total?.[kind] ?? ''),
    ];
    rows.push(`| ${cells.join(' | ')} |`);
  }
  console.log(
    `\n| bits | seconds | peak MB | Verilog MB | cycles of the slowest layer | as simulated | in Verilator | ${cellKinds.join(' | ')} |`,
  );
  console.log(
    `| --- | ${Array.from({ length: 6 + cellKinds.length }, () => '---:').join(' | ')} |`,
  );
  for (const row of rows) console.log(row);
  if (values.out === undefined) console.log(`\nVerilog: ${root}`);
  if (values.save) keepRows(stored);
}

/** Estimate a kept row again; one whose circuit is another by now stays as it is. */
function estimatedAgain(row: NetworkRow, commit: string): NetworkRow {
  const [weights, inputs] = bitsOf(row.bits);
  const model = cnvModel(seed, { weights, inputs, mapPer: 'position' }, row.narrower);
  const folds = foldsOf(model, row.narrower, row.lanes === 'one plane');
  const design = foldedDesign(model, { style: 'xc7', folds });
  const isSame = design.cyclesPerImage === row.cyclesPerImage;
  if (!isSame)
    console.error(
      `CNV, ${row.bits} bits: ${design.cyclesPerImage} cycles by now, not the ${row.cyclesPerImage} of the circuit that was synthesized; its estimate stays`,
    );
  const found = isSame ? { ...row, estimateCommit: commit, estimate: estimateOf(design) } : row;
  console.log(JSON.stringify(found));
  return found;
}

/** Estimate all kept rows again. */
function estimateAgain(): void {
  const { commit } = provenance('none', 'pnpm bench:networks');
  const rows = storedNetworks().map((row) => estimatedAgain(row, commit));
  if (values.save) saveRows('hardware', 'networks', 'none needed', rows);
}

if (values.estimates) estimateAgain();
else if (values.generate === undefined) await measure();
else console.log(JSON.stringify(await generate(values.generate, bitsOf(values.bits))));
