// `pnpm bench:calibrate [--first SEED] [--count N] [--targets xc7,ice40,liberty:FILE]`: synthesize a seeded grid of
// layers, add them to packages/estimator/test/unrolledMeasurements.json, and fit the estimator's coefficients. They are
// printed, with the errors of the fit and of layers it did not see, to be put into unrolledCoefficients.ts.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { random } from '@hbnn/core';
import {
  cellOfRole,
  fitMeasurements,
  modelOf,
  readLiberty,
  type UnrolledMeasurement,
} from '@hbnn/estimator';
import { synthesisTarget, synthesize, unrolledDesign, verilogFiles } from '@hbnn/verilog';

const { values } = parseArgs({
  options: {
    first: { type: 'string', default: '0' },
    count: { type: 'string', default: '0' },
    targets: { type: 'string', default: 'xc7,ice40' },
  },
});
const file = new URL('../../packages/estimator/test/unrolledMeasurements.json', import.meta.url);
const lengths = [16, 27, 36, 48, 64, 72, 100, 144, 144, 200, 288, 400];
const widths = [1, 2, 4, 8, 8, 16, 16];
const mostWeights = 1600;

type Layer = Omit<UnrolledMeasurement, 'target' | 'steps'>;

/** One layer of the grid, drawn by its seed: mostly dense, for a place of a convolution is a dense layer. */
function layerOf(seed: number): Layer {
  const rng = random('calibration', seed);
  const pick = <T>(list: readonly T[]): T => list[rng.below(list.length)];
  const dense = (): string => {
    const inputs = pick(lengths);
    let outputs = pick(widths);
    while (inputs * outputs > mostWeights) outputs = pick(widths);
    return `dense:${inputs}x${outputs}`;
  };
  const depthwise = (): string => `depthwise:4x4x${pick([4, 8])},k3x3,o8,p1`;
  return {
    ...{ seed, layer: rng.below(10) < 9 ? dense() : depthwise() },
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

/** The area of a library's gate equivalent; 1 where LUTs are counted. */
function gateArea(target: string): number {
  if (!target.startsWith('liberty:')) return 1;
  const name = target.slice('liberty:'.length);
  const nand = cellOfRole([readLiberty(read(name), name)], 'nand2');
  if (nand === undefined) throw new Error(`${name}: no NAND2`);
  return nand.areaUm2;
}

async function measure(layer: Layer, target: string): Promise<UnrolledMeasurement> {
  const model = modelOf(layer);
  const design = unrolledDesign(model, { style: target === 'xc7' ? 'xc7' : 'gates' });
  const cost = await synthesize(verilogFiles(design), design.top, synthesisTarget(target, read));
  const gate = gateArea(target);
  const names = { m_input: 'input', layer: 'layer', scores: 'scores', largest: 'largest' } as const;
  const areas = Object.entries(names).map(([module, step]) => {
    const found = cost.layers.find((one) => one.layer === module);
    if (found === undefined) throw new Error(`${layer.layer}: no module ${module}`);
    return [step, target.startsWith('liberty:') ? (found.area ?? 0) / gate : found.luts] as const;
  });
  const circuit = target === 'xc7' ? 'lut6' : target.startsWith('liberty:') ? 'gates' : 'lut4';
  return { ...layer, target: circuit, steps: Object.fromEntries(areas) };
}

const measured: UnrolledMeasurement[] = existsSync(file) ? JSON.parse(read(file.pathname)) : [];
const first = Number(values.first);
for (let seed = first; seed < first + Number(values.count); seed++)
  for (const target of values.targets.split(',')) {
    measured.push(await measure(layerOf(seed), target));
    writeFileSync(file, `[\n${measured.map((one) => JSON.stringify(one)).join(',\n')}\n]\n`);
    console.error(`${seed} ${target}`);
  }
for (const target of ['lut6', 'lut4', 'gates'] as const)
  console.log(JSON.stringify(fitMeasurements(measured.filter((one) => one.target === target))));
