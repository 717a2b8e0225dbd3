// `pnpm bench:calibrate [--first SEED] [--count N] [--networks SEED,SEED] [--targets xc7,ice40,liberty:FILE+FILE]`:
// synthesize a seeded grid of layers, and whole random networks (`hbnn random --seed SEED`), add them to packages/estimator/test/unrolledMeasurements.json, and fit the estimator's coefficients. They are
// printed, with the errors of the fit and of layers it did not see, to be put into unrolledCoefficients.ts.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { unrolledDesign } from '@hbnn/circuit';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { random } from '@hbnn/core';
import {
  cellFile,
  cellOfRole,
  fitMeasurements,
  modelOf,
  readLiberty,
  type UnrolledMeasurement,
} from '@hbnn/estimator';
import { synthesisTarget, synthesize, verilogFiles } from '@hbnn/verilog';

const { values } = scriptOptions(import.meta.url, {
  options: {
    first: { type: 'string', default: '0' },
    count: { type: 'string', default: '0' },
    networks: { type: 'string', default: '' },
    targets: { type: 'string', default: 'xc7,ice40' },
  },
});
const file = new URL('../../../packages/estimator/test/unrolledMeasurements.json', import.meta.url);
const lengths = [16, 27, 36, 48, 64, 72, 100, 144, 144, 200, 288, 400];
const widths = [1, 2, 4, 8, 8, 16, 16];
const maxWeights = 1600;
/** From this seed on, layers of a few inputs, whose sums synthesis can take apart. */
const firstSmall = 100;
const smallLengths = [2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24];

type Measured = Parameters<typeof modelOf>[0];

/** One layer of the grid, drawn by its seed: mostly dense, for a place of a convolution is a dense layer. */
function layerOf(seed: number): Measured {
  const rng = random('calibration', seed);
  const pick = <T>(list: readonly T[]): T => list[rng.below(list.length)];
  const dense = (): string => {
    const inputs = pick(lengths);
    let outputs = pick(widths);
    while (inputs * outputs > maxWeights) outputs = pick(widths);
    return `dense:${inputs}x${outputs}`;
  };
  const small = (): string =>
    rng.below(3) < 2
      ? `dense:${pick(smallLengths)}x${pick(widths)}`
      : `conv:4x4x${pick([1, 2, 3, 4])},k${pick(['1x1', '2x2'])},o${pick([1, 2, 4])},s2,p0`;
  const depthwise = (): string => `depthwise:4x4x${pick([4, 8])},k3x3,o8,p1`;
  return {
    seed,
    layer: seed >= firstSmall ? small() : rng.below(10) < 9 ? dense() : depthwise(),
    mix: pick([
      '1',
      '1',
      '0.8/0.2',
      '0.7/0.2/0.1',
      '0.7/0.2/0.1',
      '0.8/0/0.2',
      '0/1',
      '0/1',
      '0/0/1',
      '0:0.3/2:0.7',
    ]),
    inputMix: pick(['1', '1', '1', '0.7/0.2/0.1', '0/1']),
    mapPer: pick(['element', 'element', 'position', 'input', 'output']),
    inputMapPer: pick(['element', 'channel'] as const),
  };
}

const read = (name: string): string => readFileSync(name, 'utf8');

/** Areas of a library's gate equivalent and of its cell that adds three bits. */
function cellsOf(target: string): { readonly gate: number; readonly adder?: number } {
  const libraries = target
    .slice('liberty:'.length)
    .split('+')
    .map((name) => readLiberty(read(name), name));
  const nand = cellOfRole(libraries, 'nand2');
  if (nand === undefined) throw new Error(`${target}: no NAND2`);
  return { gate: nand.areaUm2, adder: cellOfRole(libraries, 'fullAdder')?.areaUm2 };
}

async function measure(of: Measured, target: string): Promise<UnrolledMeasurement> {
  const design = unrolledDesign(modelOf(of), { style: target === 'xc7' ? 'xc7' : 'gates' });
  const tools = synthesisTarget(target.replaceAll('+', ','), (file) => cellFile(read(file), file));
  const cost = await synthesize(verilogFiles(design), design.top, tools);
  const cells = target.startsWith('liberty:') ? cellsOf(target) : undefined;
  const modules = [
    ...design.layers.map(({ layer, module }) => [layer, module] as const),
    ...(['scores', 'largest'] as const).map((step) => [step, design[step].name] as const),
  ];
  const areas = modules.map(([step, module]) => {
    // A layer that is all wires has no module.
    const found = cost.layers.find((eachLayer) => eachLayer.layer === module) ?? {
      luts: 0,
      area: 0,
    };
    return [step, cells === undefined ? found.luts : (found.area ?? 0) / cells.gate] as const;
  });
  const steps = Object.fromEntries(areas);
  if (cells === undefined) return { ...of, target: target === 'xc7' ? 'lut6' : 'lut4', steps };
  if (cells.adder === undefined) return { ...of, target: 'gates', steps };
  return { ...of, target: 'adders', adderGates: cells.adder / cells.gate, steps };
}

const measured: UnrolledMeasurement[] = existsSync(file) ? JSON.parse(read(file.pathname)) : [];
const first = Number(values.first);
const all: Measured[] = [
  ...Array.from({ length: Number(values.count) }, (_, i) => layerOf(first + i)),
  ...values.networks.split(',').flatMap((seed) => (seed === '' ? [] : [{ seed: Number(seed) }])),
];
for (const constantOne of all)
  for (const target of values.targets.split(',')) {
    measured.push(await measure(constantOne, target));
    writeFileSync(file, `[\n${measured.map((each) => JSON.stringify(each)).join(',\n')}\n]\n`);
    console.error(`${constantOne.seed} ${target}`);
  }
for (const target of ['lut6', 'lut4', 'gates', 'adders'] as const) {
  const own = measured.filter((one) => one.target === target);
  if (own.length > 0) console.log(JSON.stringify(fitMeasurements(own)));
}
