/**
 * `pnpm bench:calibrate [--first SEED] [--count N] [--networks SEED,SEED] [--targets xc7,ice40,liberty:FILE+FILE]`:
 * synthesize layers and whole random networks, and fit the estimator's coefficients to them and to all earlier ones.
 *
 * --count is the number of layers (default 0: the fit alone), drawn by the seeds from --first on (default 0; from 100 on
 * with few inputs). --networks names seeds of whole networks, those of `hbnn random --seed SEED` (default none).
 * --targets are what is synthesized for (default xc7,ice40): `liberty:FILE+FILE` is a library of one or more files.
 *
 * What is synthesized is added to packages/estimator/test/unrolledMeasurements.json. The coefficients are printed, with the
 * errors of the fit and of layers it did not see, to be put into unrolledCoefficients.ts.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { unrolledDesign } from '@hbnn/circuit';
import { seedNumber } from '@hbnn/cli/numbers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { random } from '@hbnn/core';
import { fitMeasurements, modelOf, type UnrolledMeasurement } from '@hbnn/estimator';
import { writeWhole } from '@hbnn/train/files';
import { synthesize, verilogFiles } from '@hbnn/verilog';
import { type EstimatedTarget, estimatedTarget } from './estimatedTarget.ts';

const { values } = scriptOptions(import.meta.url, {
  options: {
    first: { type: 'string', default: '0' },
    count: { type: 'string', default: '0' },
    networks: { type: 'string', default: '' },
    targets: { type: 'string', default: 'xc7,ice40' },
  },
});
const count = seedNumber(values.count, '--count');
const first = seedNumber(values.first, '--first', Math.max(1, count));
const networks = values.networks === '' ? [] : values.networks.split(',');
const networkSeeds = networks.map((seed) => ({ seed: seedNumber(seed, '--networks') }));
const targets = values.targets.split(',').map((text) => estimatedTarget(text, '--targets'));
const file = fileURLToPath(
  new URL('../../../packages/estimator/test/unrolledMeasurements.json', import.meta.url),
);
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

async function measure(of: Measured, target: EstimatedTarget): Promise<UnrolledMeasurement> {
  const { name, circuit, gate, adderGates, tools } = target;
  const design = unrolledDesign(modelOf(of), { style: name === 'xc7' ? 'xc7' : 'gates' });
  const cost = await synthesize(verilogFiles(design), design.top, tools);
  const isLibrary = tools.liberty !== undefined;
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
    return [step, isLibrary ? (found.area ?? 0) / gate : found.luts] as const;
  });
  const steps = Object.fromEntries(areas);
  return { ...of, target: circuit, ...(circuit === 'adders' && { adderGates }), steps };
}

const measured: UnrolledMeasurement[] = existsSync(file)
  ? JSON.parse(readFileSync(file, 'utf8'))
  : [];
const all: Measured[] = [
  ...Array.from({ length: count }, (_, i) => layerOf(first + i)),
  ...networkSeeds,
];
for (const constantOne of all)
  for (const target of targets) {
    measured.push(await measure(constantOne, target));
    writeWhole(file, `[\n${measured.map((each) => JSON.stringify(each)).join(',\n')}\n]\n`);
    console.error(`${constantOne.seed} ${target.name}`);
  }
for (const target of ['lut6', 'lut4', 'gates', 'adders'] as const) {
  const own = measured.filter((one) => one.target === target);
  if (own.length > 0) console.log(JSON.stringify(fitMeasurements(own)));
}
