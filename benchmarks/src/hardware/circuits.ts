/**
 * Circuits of the same integer matrices by our generator and by da4ml, under the same synthesis and the same counts.
 *
 *     pnpm bench:circuits [--seeds 201,202,203] [--styles xc7,gates] [--only TEXT] [--python python3]
 *         [--json] [--save]
 *
 * --styles xc7 leaves plain gates out, which take most of the time. --only takes the cases whose layer or weights have the text.
 * da4ml is no dependency: `pip install da4ml==0.6.0`, and --python names the Python that has it. Without it our rows are
 * printed alone. Both texts go through `synthesize`: LUT6 sites, LUTs, CARRY4 and depth for Xilinx's 7 series, and gates
 * of two inputs. da4ml's `+` are first made carry chains, or ripples of gates, as `readCircuit` says, and its circuit is
 * computed from that text and compared with the sums before anything is counted. Counts are kept in .cache/circuits:
 * Ctrl-C costs one circuit.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { unrolledDesign } from '@hbnn/circuit';
import { wholeNumber } from '@hbnn/cli/numbers';
import { progressMeter } from '@hbnn/cli/progress';
import { HbnnError, random } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';
import { writeWhole } from '@hbnn/train/files';
import {
  type CellFile,
  type LayerCost,
  readCircuit,
  synthesisTarget,
  synthesize,
  verify,
  verilogFiles,
} from '@hbnn/verilog';
import { saveRows } from '../results/storedRows.ts';
import { type CircuitCase, circuitCases, modelOf, peerCaseOf } from './circuits/cases.ts';
import { checkPeer, da4mlVerilog, lackOfDa4ml } from './circuits/da4ml.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '201,202,203' },
    styles: { type: 'string', default: 'xc7,gates' },
    only: { type: 'string', default: '' },
    python: { type: 'string', default: 'python3' },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});
const seeds = values.seeds.split(',').map((seed) => wholeNumber(seed, '--seeds'));

const cases = circuitCases.filter(({ layer, weights }) =>
  `${layer} ${weights}`.includes(values.only),
);

/** `xc7` is made of carry chains, `gates` of plain gates. */
type Style = 'xc7' | 'gates';

/** What is counted of a circuit. */
interface Found {
  /** LUT6s after two tables of up to five inputs in all share one, LUTs, CARRY4s and levels. */
  readonly sites: number;
  readonly luts: number;
  readonly carry4: number;
  readonly depth: number;
  /** Gates of two inputs, inverters not counted; of the circuit of plain gates alone. */
  readonly gates?: number;
  /** Vectors for which it was found right before it was counted. */
  readonly vectors: number;
}

interface CircuitRow extends CircuitCase, Found {
  readonly seed: number;
  readonly generator: 'hbnn' | 'da4ml';
  readonly version: string;
  readonly style: Style;
}

/** Gates of two inputs for the count: each 1, an inverter next to nothing. */
const gateLibrary = (): CellFile => {
  const cell = (name: string, area: number, inputs: string, f: string): string =>
    `cell(${name}) { area : ${area}; ${[...inputs]
      .map((pin) => `pin(${pin}) { direction : input; capacitance : 1; }`)
      .join(' ')} pin(Y) { direction : output; function : "${f}"; } }`;
  const text = `library(two_inputs) {
${cell('NOT', 0.01, 'A', "A'")}
${cell('BUF', 0.01, 'A', 'A')}
${cell('AND', 1, 'AB', '(A B)')}
${cell('NAND', 1, 'AB', "(A B)'")}
${cell('OR', 1, 'AB', '(A+B)')}
${cell('NOR', 1, 'AB', "(A+B)'")}
${cell('ANDNOT', 1, 'AB', "(A B')")}
${cell('ORNOT', 1, 'AB', "(A+B')")}
${cell('XOR', 1, 'AB', '(A^B)')}
${cell('XNOR', 1, 'AB', "(A^B)'")}
}`;
  return { text, dontUse: [] };
};

const free = new Set(['NOT', 'BUF']);

const cacheFolder = fileURLToPath(new URL('../../../.cache/circuits/', import.meta.url));

/** The sources that read, check and count: with other code, nothing found before holds. */
const code = ['circuit', 'verilog'].flatMap((name) => {
  const folder = fileURLToPath(new URL(`../../../packages/${name}/src/`, import.meta.url));
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8'));
});

/** What was found of a text before by the same code, or is found now. */
async function keptResult(key: readonly unknown[], find: () => Promise<Found>): Promise<Found> {
  const digest = createHash('sha256')
    .update(JSON.stringify([key, code]))
    .digest('hex');
  const file = join(cacheFolder, `${digest}.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Found;
  const found = await find();
  mkdirSync(cacheFolder, { recursive: true });
  writeWhole(file, JSON.stringify(found));
  return found;
}

type Files = Readonly<Record<string, string>>;

async function counted(files: Files, top: string, module: string, style: Style) {
  const layer = async (target: string): Promise<LayerCost> => {
    const cost = await synthesize(files, top, synthesisTarget(target, gateLibrary));
    const found = cost.layers.find((eachLayer) => eachLayer.layer === module);
    if (found === undefined) throw new HbnnError(`${module}: expected its count, got none`);
    return found;
  };
  const { sites = 0, luts, depth, cells } = await layer('xc7');
  const found = { sites, luts, carry4: cells.CARRY4 ?? 0, depth };
  if (style === 'xc7') return found;
  const gates = Object.entries((await layer('liberty:two_inputs')).cells)
    .filter(([type]) => !free.has(type))
    .reduce((sum, [, count]) => sum + count, 0);
  return { ...found, gates };
}

const ownVersion = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  }
).version;

const styles = values.styles.split(',').map((style): Style => {
  if (style === 'xc7' || style === 'gates') return style;
  throw new HbnnError(`--styles: expected xc7, gates or both, got '${style}'`);
});

async function ownRow(circuitCase: CircuitCase, seed: number, style: Style): Promise<CircuitRow> {
  const model: CheckedModel = modelOf(circuitCase, seed);
  const design = unrolledDesign(model, { style });
  const files = verilogFiles(design);
  const found = await keptResult([files, style], async () => {
    const { equal, images } = await verify(model, design, files);
    if (!equal)
      throw new HbnnError(
        `${circuitCase.weights}, seed ${seed}, ${style}: hardware is not the model's`,
      );
    const module = design.layers.at(-1)?.module ?? '';
    return { ...(await counted(files, design.top, module, style)), vectors: images };
  });
  return { ...circuitCase, seed, generator: 'hbnn', version: ownVersion, style, ...found };
}

async function peerRows(circuitCase: CircuitCase, seed: number): Promise<CircuitRow[]> {
  const peerCase = peerCaseOf(modelOf(circuitCase, seed), circuitCase);
  const peer = da4mlVerilog(values.python, peerCase);
  const rows: CircuitRow[] = [];
  for (const style of styles) {
    const found = await keptResult([peer, style], async () => {
      const circuit = await readCircuit(peer.files, peer.module, style);
      const vectors = checkPeer(
        circuit,
        peer,
        peerCase,
        random(seed, 'vectors', circuitCase.weights),
      );
      const { files, top, module } = circuit;
      return { ...(await counted(files, top, module, style)), vectors };
    });
    rows.push({ ...circuitCase, seed, generator: 'da4ml', version: peer.version, style, ...found });
  }
  return rows;
}

function lineOf(row: CircuitRow): string {
  const { layer, weights, inputBits, seed, generator, style, sites, luts, carry4, depth } = row;
  const name = `${layer} ${weights}, ${inputBits}-bit inputs, seed ${seed}`;
  const count = `${sites} sites, ${luts} LUTs, ${carry4} CARRY4, depth ${depth}`;
  const gates = row.gates === undefined ? '' : `, ${row.gates} gates`;
  return `${name.padEnd(62)} ${generator.padEnd(5)} ${style.padEnd(5)} ${count}${gates}`;
}

const lack = lackOfDa4ml(values.python);
if (lack !== undefined)
  process.stderr.write(
    `da4ml is not there: ${lack}. Rows of ours alone; 'pip install da4ml==0.6.0' and --python PYTHON have both.\n`,
  );
const rows: CircuitRow[] = [];
const keep = (row: CircuitRow): void => {
  rows.push(row);
  if (!values.json) console.log(lineOf(row));
};
const meter = progressMeter('circuits:');
let done = 0;
for (const constantOne of cases)
  for (const seed of seeds) {
    for (const style of styles) keep(await ownRow(constantOne, seed, style));
    if (lack === undefined) for (const row of await peerRows(constantOne, seed)) keep(row);
    meter.update(++done, cases.length * seeds.length, `${constantOne.weights}, seed ${seed}`);
  }
meter.stop();
if (values.json) console.log(JSON.stringify(rows, null, 2));
if (values.save) saveRows('hardware', 'circuits', 'none needed', rows);
