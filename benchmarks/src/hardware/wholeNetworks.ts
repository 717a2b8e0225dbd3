/**
 * Whole networks as folded hardware: `pnpm bench:networks [--bits 1/1,1.2/1.2,1.4/1.4,2/2] [--parts] [--simulate IMAGES]
 * [--out FOLDER]`. CNV (VGG-8) with random weights, a map per position, at FINN's folds. For each pair of bits of weights
 * and inputs: what generating takes, cycles per image as the design says and, with --simulate, as Verilator has them; with
 * --parts LUTs, flip-flops and memories of each layer by native Yosys.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { foldedDesign } from '@hbnn/circuit';
import { decimal, wholeNumber } from '@hbnn/cli/numbers';
import { HbnnError } from '@hbnn/core';
import { testbenchFiles, verilogFiles } from '@hbnn/verilog';
import { cnvFolds, cnvModel } from '../networks/cnvModel.ts';
import { provenance } from '../results/provenance.ts';

const { values } = parseArgs({
  options: {
    bits: { type: 'string', default: '1/1,1.2/1.2,1.4/1.4,2/2' },
    seed: { type: 'string', default: '1' },
    parts: { type: 'boolean', default: false },
    simulate: { type: 'string', default: '0' },
    out: { type: 'string' },
    /** For a process of its own, whose memory is measured: the folder to write. */
    generate: { type: 'string' },
  },
});
const seed = wholeNumber(values.seed, '--seed');
const images = wholeNumber(values.simulate, '--simulate');

type Bits = readonly [weights: number, inputs: number];

interface Generated {
  readonly top: string;
  readonly seconds: number;
  readonly peakMb: number;
  readonly megabytes: number;
  readonly cyclesPerImage: number;
  readonly slowestLayerCycles: number;
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
  return [decimal(weights, '--bits'), decimal(inputs, '--bits')];
}

/** Make the design and write it, as a process of its own. */
function generate(folder: string, [weights, inputs]: Bits): Generated {
  const start = performance.now();
  const model = cnvModel(seed, { weights, inputs, mapPer: 'position' });
  const design = foldedDesign(model, { style: 'xc7', folds: cnvFolds });
  const text = verilogFiles(design);
  const files = { ...text, ...testbenchFiles(model, design, { images: Math.max(1, images) }) };
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const { cyclesPerImage, scheduledCycles, layers, scores, top } = design;
  return {
    top,
    seconds: (performance.now() - start) / 1000,
    peakMb: process.resourceUsage().maxRSS / 1024,
    megabytes: Object.values(text).reduce((sum, { length }) => sum + length, 0) / 1e6,
    cyclesPerImage,
    slowestLayerCycles: scheduledCycles,
    parts: [
      ...layers.map(({ layer, module, cycles }) => ({ layer, module, cycles: cycles.scheduled })),
      { layer: 'scores', module: scores.unit.name, cycles: scores.beats },
    ],
  };
}

function generatedApart(folder: string, bits: string): Generated {
  const self = fileURLToPath(import.meta.url);
  const args = [...process.execArgv, self, '--generate', folder, '--bits', bits];
  const asked = ['--seed', values.seed, '--simulate', values.simulate];
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

async function measure(): Promise<void> {
  const { commit, machine, node } = provenance('none', 'pnpm bench:networks');
  console.log(
    `CNV at FINN's folds, a map per position; commit ${commit}; seed ${seed}; ${machine}; Node ${node}\n`,
  );
  const root = values.out ?? mkdtempSync(join(tmpdir(), 'hbnn-networks-'));
  const rows: string[] = [];
  for (const bits of values.bits.split(',')) {
    const folder = join(root, bits.replace('/', '_'));
    const made = generatedApart(folder, bits);
    if (values.parts) console.log(`\nCNV, ${bits} bits\n`);
    const total = values.parts ? await partsTable(folder, made) : undefined;
    const cells = [
      bits,
      made.seconds.toFixed(1),
      made.peakMb.toFixed(0),
      made.megabytes.toFixed(1),
      made.slowestLayerCycles,
      made.cyclesPerImage,
      images > 0 ? simulated(folder) : '',
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
}

if (values.generate === undefined) await measure();
else console.log(JSON.stringify(generate(values.generate, bitsOf(values.bits))));
