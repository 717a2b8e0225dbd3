/**
 * What one layer takes on lanes of each kind: plane after plane, or all planes of the weights at once, with maps of
 * several kinds. Designs of one group take equally many cycles, so that their LUTs can be compared at equal speed.
 *
 *     pnpm bench:lanes [--yosys npm|native|PATH] [--only 'NAME,…'] [--json] [--save]
 *
 * The layer is conv:8x8x32,k3x3,o32 with random weights. Counts are those of `hbnn synth --target xc7` for the layer's
 * own modules: buffer, window and matrix. --only takes the designs whose bits are named, such as '1.4 / 1,2 / 2', and the
 * first of each group. Each design's Verilog is compared with the model on some images first.
 */

import { readFileSync } from 'node:fs';
import { type Fold, foldedDesign, foldText, type MatrixUnit } from '@hbnn/circuit';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { HbnnError, type MapPer, parseMix, suggestion } from '@hbnn/core';
import { cellFile } from '@hbnn/estimator';
import { randomModel } from '@hbnn/model';
import {
  findNativeYosys,
  NativeRunner,
  synthesisTarget,
  synthesize,
  verify,
  verilogFiles,
} from '@hbnn/verilog';
import { provenance } from '../results/provenance.ts';
import { saveRows } from '../results/storedRows.ts';

const { values } = scriptOptions(import.meta.url, {
  options: {
    yosys: { type: 'string', default: 'npm' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});

/** A design: its bitwidths, how they lie, and the fold. */
interface Lanes {
  readonly bits: string;
  readonly map: string;
  readonly mix: string;
  readonly inputMix: string;
  readonly mapPer: MapPer;
  readonly balance?: number;
  readonly fold: Fold;
}

const oneBit = '1:1';
const twoBits = '2:1';
const mixes = {
  below: '0:0.3/1:0.7',
  '1.2': '1:0.85/2:0.1/3:0.05',
  '1.4': '1:0.6/2:0.4',
  paper: '1:0.7/2:0.2/3:0.1',
} as const;

const shared = (bits: string, mix: string, planes: number, inputMix: string = oneBit): Lanes => ({
  bits,
  map: 'position',
  mix,
  inputMix,
  mapPer: 'position',
  fold: { pe: 8, simd: 36, ...(planes > 1 && { planes }) },
});
const balanced = (
  bits: string,
  [size, mix, simd]: readonly [number, string, number],
  inputMix: string = oneBit,
): Lanes => ({
  bits,
  map: `element, balanced in groups of ${size}`,
  mix,
  inputMix,
  mapPer: 'element',
  balance: size,
  fold: { pe: 8, simd },
});
const serial = (bits: string, mix: string, simd: number, mapPer: MapPer): Lanes => ({
  bits,
  map: mapPer,
  mix,
  inputMix: oneBit,
  mapPer,
  fold: { pe: 8, simd, planes: 1 },
});

const halves = [2, '1:0.5/2:0.5', 36] as const;
const thirds = [3, '1:0.66667/2:0.33333', 36] as const;
const fifths = [5, mixes['1.4'], 40] as const;

/** The first of each group is what the others are compared with. */
const groups: Readonly<Record<string, readonly Lanes[]>> = {
  'weights alone, all planes at once': [
    shared('2 / 1', twoBits, 2),
    shared('0.7 / 1', mixes.below, 1),
    shared('1 / 1', oneBit, 1),
    shared('1.2 / 1', mixes['1.2'], 3),
    shared('1.4 / 1', mixes['1.4'], 2),
    shared('1.4 / 1, up to 3 bits', mixes.paper, 3),
    balanced('1.33 / 1', thirds),
    balanced('1.4 / 1', fifths),
    balanced('1.5 / 1', halves),
  ],
  'weights alone, plane after plane': [
    serial('2 / 1', twoBits, 36, 'position'),
    serial('1 / 1', oneBit, 36, 'position'),
    serial('1.4 / 1, up to 3 bits', mixes.paper, 36, 'position'),
    serial('1.4 / 1, up to 3 bits', mixes.paper, 36, 'output'),
    serial('1.4 / 1, up to 3 bits', mixes.paper, 36, 'element'),
    serial('2 / 1, twice the lanes', twoBits, 72, 'position'),
  ],
  'inputs with several bits, planes of the weights at once': [
    shared('2 / 2', twoBits, 2, twoBits),
    shared('1 / 1', oneBit, 1),
    shared('1.4 / 2', mixes['1.4'], 2, twoBits),
    shared('1.4 / 1.4', mixes['1.4'], 2, mixes['1.4']),
    balanced('1.33 / 2', thirds, twoBits),
    balanced('1.4 / 2', fifths, twoBits),
  ],
};

const allBits = [
  ...new Set(Object.values(groups).flatMap((group) => group.map(({ bits }) => bits))),
];

// A comma before a space belongs to a name.
const wanted = values.only?.split(/,(?! )/);
for (const bits of wanted ?? [])
  if (!allBits.includes(bits))
    throw new HbnnError(
      `--only: expected some of '${allBits.join("', '")}', got '${bits}'${suggestion(bits, allBits) || '; give some of these'}`,
    );

interface LanesRow {
  readonly group: string;
  readonly bits: string;
  readonly map: string;
  readonly fold: string;
  readonly cycles: number;
  readonly luts: number;
  readonly sites: number;
  readonly flipFlops: number;
  readonly storedBits: number;
  /** LUT6 sites times cycles, over those of the group's first. */
  readonly product: number;
}

const target = synthesisTarget('xc7', (file) => cellFile(readFileSync(file, 'utf8'), file));
const runner =
  values.yosys === 'npm'
    ? undefined
    : new NativeRunner(
        findNativeYosys(values.yosys === 'native' ? undefined : values.yosys, '--yosys'),
        1,
      );

async function measured(group: string, lanes: Lanes): Promise<Omit<LanesRow, 'product'>> {
  const { bits, map, mix, inputMix, mapPer, balance, fold } = lanes;
  const model = randomModel('lanes', {
    layer: 'conv:8x8x32,k3x3,o32',
    mix: parseMix(mix),
    mapPer,
    ...(balance !== undefined && { balance }),
    inputMix: parseMix(inputMix),
    inputMapPer: 'channel',
  });
  const design = foldedDesign(model, { style: 'xc7', folds: { layer: fold } });
  const files = verilogFiles(design);
  const { equal } = await verify(model, design, files, { images: 2, effort: 0.1 });
  if (!equal) throw new HbnnError(`${bits}, ${map}: expected the model's scores of its Verilog`);
  const unit = design.layers
    .flatMap(({ units }) => units)
    .find((found): found is MatrixUnit => found.kind === 'matrix');
  if (unit === undefined) throw new HbnnError(`${bits}, ${map}: expected a design on lanes`);
  const { tables, matrix } = unit;
  const cost = await synthesize(files, 'layer', target, runner ? { runner } : { workers: 1 });
  return {
    group,
    bits,
    map,
    fold: foldText(fold),
    cycles: design.cyclesPerImage,
    luts: cost.luts,
    sites: cost.sites ?? cost.luts,
    flipFlops: cost.flipFlops,
    storedBits: (tables.weights.length * tables.weightBits) / (matrix.inputs * matrix.outputs),
  };
}

const rows: LanesRow[] = [];
for (const [group, designs] of Object.entries(groups)) {
  let first: number | undefined;
  for (const [at, lanes] of designs.entries()) {
    if (at > 0 && wanted !== undefined && !wanted.includes(lanes.bits)) continue;
    const row = await measured(group, lanes);
    first ??= row.sites * row.cycles;
    rows.push({ ...row, product: (row.sites * row.cycles) / first });
    console.error(`${row.bits}, ${row.map}: ${row.sites} LUT6s, ${row.cycles} cycles`);
  }
}
if (values.json) console.log(JSON.stringify(rows));
else {
  const { commit, machine, node } = provenance('none', 'pnpm bench:lanes');
  console.log(`Commit ${commit}; ${machine}; Node ${node}\n`);
  for (const group of Object.keys(groups)) {
    console.log(`${group}\n`);
    console.log(
      '| bits | map | fold | cycles | LUT6s | flip-flops | stored bits a weight | LUT6s x cycles |',
    );
    console.log('| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |');
    for (const row of rows.filter((each) => each.group === group))
      console.log(
        `| ${[row.bits, row.map, row.fold, row.cycles, row.sites, row.flipFlops, row.storedBits.toFixed(2), row.product.toFixed(2)].join(' | ')} |`,
      );
    console.log();
  }
}
if (values.save) saveRows('hardware', 'lanes', 'none', rows);
