/**
 * Circuits of the same integer matrices by our generator and by alkaid, under the same synthesis and the same counts.
 *
 *     pnpm bench:circuits [--seeds 201,202,203] [--styles xc7,gates] [--only TEXT] [--python python3]
 *         [--yosys npm|native|PATH] [--limit 600] [--json] [--save]
 *
 * --styles xc7 leaves plain gates out, which take most of the time. --only takes the cases whose layer or weights have the text.
 * alkaid is no dependency: `pip install alkaid==0.8.2`, and --python names the Python that has it. Without it our rows are
 * printed alone. It makes each circuit in six ways: with its tables of six inputs of one bit (its default), without them,
 * and with the options of its solver that are smallest by its own count, each with its adders of three numbers (its
 * default) and without. Inputs of two bits have no tables, so there are four ways.
 *
 * All texts go through `synthesize`, in the Yosys that --yosys names: LUT6 sites, LUTs, CARRY4 and depth for Xilinx's 7
 * series, and gates of two inputs. alkaid's `+` are first made carry chains, or ripples of gates, as `readCircuit` says,
 * and its circuit is computed from that text and compared with the sums before anything is counted. A circuit for which a
 * run of Yosys takes more than --limit seconds has a row that says so. Counts are kept in .cache/circuits: Ctrl-C costs
 * one circuit.
 */

import { unrolledDesign } from '@hbnn/circuit';
import { positiveNumber, seedNumber } from '@hbnn/cli/numbers';
import { progressMeter } from '@hbnn/cli/progress';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { chosenName, HbnnError, random } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';
import { readCircuit, verify, verilogFiles } from '@hbnn/verilog';
import packageFile from '../../package.json' with { type: 'json' };
import { saveRows } from '../results/storedRows.ts';
import { alkaidCircuits, checkPeer, lackOfAlkaid, type PeerCircuit } from './circuits/alkaid.ts';
import { type CircuitCase, circuitCases, modelOf, peerCaseOf } from './circuits/cases.ts';
import {
  counted,
  type Found,
  foundWithin,
  keptResult,
  limitedYosys,
  type Style,
  type Unfinished,
} from './circuits/counts.ts';

const { values } = scriptOptions(import.meta.url, {
  options: {
    seeds: { type: 'string', default: '201,202,203' },
    styles: { type: 'string', default: 'xc7,gates' },
    only: { type: 'string', default: '' },
    python: { type: 'string' },
    yosys: { type: 'string', default: 'npm' },
    limit: { type: 'string', default: '600' },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});
const seeds = values.seeds.split(',').map((seed) => seedNumber(seed, '--seeds'));
const styles = values.styles
  .split(',')
  .map((style): Style => chosenName(style, ['xc7', 'gates'], '--styles'));
const limit = positiveNumber(values.limit, '--limit');
const cases = circuitCases.filter(({ layer, weights }) =>
  `${layer} ${weights}`.includes(values.only),
);
if (cases.length === 0) {
  const names = circuitCases.map(({ layer, weights }) => `${layer} ${weights}`);
  throw new HbnnError(
    `--only: expected a part of ${names.join(', ')}, got '${values.only}'; leave it out for all`,
  );
}
const python = values.python ?? 'python3';
const lack = lackOfAlkaid(python);
if (lack !== undefined && values.python !== undefined)
  throw new HbnnError(
    `--python: expected a Python with alkaid, got '${python}' (${lack}); run 'pip install alkaid==0.8.2' for it, or leave --python out for our rows alone`,
  );
const yosys = limitedYosys(values.yosys, limit);

/** What made a circuit: our generator, or alkaid in one of its ways. */
type Maker =
  | { readonly generator: 'hbnn'; readonly version: string }
  | ({ readonly generator: 'alkaid'; readonly version: string } & Pick<
      PeerCircuit,
      'packing' | 'adders' | 'options'
    >);

type CircuitRow = CircuitCase &
  Maker & { readonly seed: number; readonly style: Style; readonly yosys: string } & (
    | Found
    | Unfinished
  );

async function ownRow(circuitCase: CircuitCase, seed: number, style: Style): Promise<CircuitRow> {
  const model: CheckedModel = modelOf(circuitCase, seed);
  const design = unrolledDesign(model, { style });
  const files = verilogFiles(design);
  const find = async (): Promise<Found> => {
    const { equal, images } = await verify(model, design, files);
    if (!equal)
      throw new HbnnError(
        `${circuitCase.weights}, seed ${seed}, ${style}: hardware is not the model's`,
      );
    const module = design.layers.at(-1)?.module ?? '';
    return { ...(await counted(yosys, files, design.top, module, style)), vectors: images };
  };
  const found = await foundWithin(yosys, () => keptResult([files, style, yosys.version], find));
  const { version } = packageFile;
  return {
    ...circuitCase,
    seed,
    generator: 'hbnn',
    version,
    style,
    yosys: yosys.version,
    ...found,
  };
}

async function peerRows(
  circuitCase: CircuitCase,
  seed: number,
  keep: (row: CircuitRow) => void,
): Promise<void> {
  const peerCase = peerCaseOf(modelOf(circuitCase, seed), circuitCase);
  const { version, circuits } = alkaidCircuits(python, peerCase);
  for (const style of styles)
    for (const { packing, adders, options, files, module, outputs } of circuits) {
      const find = async (): Promise<Found> => {
        const circuit = await readCircuit(files, module, style, yosys);
        const rng = random(seed, 'vectors', circuitCase.weights);
        const vectors = checkPeer(circuit, { outputs }, peerCase, rng);
        const counts = await counted(yosys, circuit.files, circuit.top, circuit.module, style);
        return { ...counts, vectors };
      };
      const found = await foundWithin(yosys, () =>
        keptResult([files, outputs, peerCase, style, yosys.version], find),
      );
      const maker = { generator: 'alkaid', version, packing, adders, options } as const;
      keep({ ...circuitCase, seed, ...maker, style, yosys: yosys.version, ...found });
    }
}

function lineOf(row: CircuitRow): string {
  const { layer, weights, inputBits, seed, style } = row;
  const name = `${layer} ${weights}, ${inputBits}-bit inputs, seed ${seed}`;
  const maker = row.generator === 'hbnn' ? 'hbnn' : `alkaid ${row.packing}, ${row.adders}`;
  return `${name.padEnd(62)} ${maker.padEnd(24)} ${style.padEnd(5)} ${countsOf(row)}`;
}

function countsOf(row: Found | Unfinished): string {
  if ('overSeconds' in row) return `over ${row.overSeconds} s`;
  const { sites, luts, carry4, depth, gates } = row;
  const count = `${sites} sites, ${luts} LUTs, ${carry4} CARRY4, depth ${depth}`;
  return gates === undefined ? count : `${count}, ${gates} gates`;
}

if (lack !== undefined)
  process.stderr.write(
    `alkaid is not there: ${lack}. Rows of ours alone; 'pip install alkaid==0.8.2' and --python PYTHON have both.\n`,
  );
const rows: CircuitRow[] = [];
const keep = (row: CircuitRow): void => {
  rows.push(row);
  if (!values.json) console.log(lineOf(row));
};
const meter = progressMeter('circuits:');
let done = 0;
for (const circuitCase of cases)
  for (const seed of seeds) {
    for (const style of styles) keep(await ownRow(circuitCase, seed, style));
    if (lack === undefined) await peerRows(circuitCase, seed, keep);
    meter.update(++done, cases.length * seeds.length, `${circuitCase.weights}, seed ${seed}`);
  }
meter.stop();
await yosys.close();
if (values.json) console.log(JSON.stringify(rows, null, 2));
if (values.save) saveRows('hardware', 'circuits', 'none needed', rows);
