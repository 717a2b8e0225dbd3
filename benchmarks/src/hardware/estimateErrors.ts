// `pnpm bench:estimates [--first SEED] [--count N] [--targets xc7,ice40,liberty:FILE+FILE] [--save]`: estimates of random
// layers behind their thresholds beside synthesis, step by step and of the whole design: none of them has a part in the
// estimator's fit. Syntheses are kept in .cache/estimates.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Fabric, unrolledDesign } from '@hbnn/circuit';
import { positiveNumber, seedNumber } from '@hbnn/cli/numbers';
import { progressMeter } from '@hbnn/cli/progress';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { parseMapPer, parseMix, random } from '@hbnn/core';
import { unrolledArea } from '@hbnn/estimator';
import { randomModel } from '@hbnn/model';
import { writeWhole } from '@hbnn/train/files';
import { type ModuleCost, synthesize, verilogFiles } from '@hbnn/verilog';
import { saveRows } from '../results/storedRows.ts';
import { type EstimatedTarget, estimatedTarget } from './estimatedTarget.ts';

const { values } = scriptOptions(import.meta.url, {
  options: {
    first: { type: 'string', default: '0' },
    count: { type: 'string', default: '20' },
    targets: { type: 'string', default: 'xc7,ice40' },
    save: { type: 'boolean', default: false },
  },
});
const count = positiveNumber(values.count, '--count');
const first = seedNumber(values.first, '--first', count);
const targets = values.targets.split(',').map((text) => estimatedTarget(text, '--targets'));
const folder = fileURLToPath(new URL('../../../.cache/estimates/', import.meta.url));
mkdirSync(folder, { recursive: true });

const maxWeights = 2500;

/** A layer of 4 to 512 inputs, drawn by its seed, with the bits of its weights and inputs. */
function drawn(seed: number) {
  const rng = random('estimates', seed);
  const pick = <T>(list: readonly T[]): T => list[rng.below(list.length)];
  const dense = (): string => {
    for (;;) {
      const inputs = Math.round(4 * 2 ** (rng.below(70) / 10));
      const outputs = pick([1, 1, 2, 3, 4, 6, 8, 12, 16]);
      if (inputs * outputs <= maxWeights) return `dense:${inputs}x${outputs}`;
    }
  };
  const conv = (): string => {
    const [channels, outputs] = [pick([1, 2, 3, 4, 8]), pick([1, 2, 4, 6])];
    const size = pick([1, 2, 3]);
    const padding = size === 3 ? 1 : 0;
    return `conv:4x4x${channels},k${size}x${size},o${outputs},s${pick([1, 2])},p${padding}`;
  };
  return {
    layer: rng.below(5) === 0 ? conv() : dense(),
    mix: pick(['1', '1', '0/1', '0.7/0.2/0.1', '0.8/0.2', '0/0/1', '0:0.3/2:0.7']),
    inputMix: pick(['1', '1', '1', '0/1', '0.7/0.2/0.1']),
    mapPer: pick(['element', 'position', 'input', 'output']),
    inputMapPer: pick(['element', 'channel'] as const),
  };
}

const fileOf = (key: string): string =>
  join(folder, `${createHash('sha256').update(key).digest('hex')}.json`);

const cache = {
  read: (key: string): ModuleCost[] | undefined =>
    existsSync(fileOf(key))
      ? (JSON.parse(readFileSync(fileOf(key), 'utf8')) as ModuleCost[])
      : undefined,
  write: (key: string, costs: ModuleCost[]): void => writeWhole(fileOf(key), JSON.stringify(costs)),
};

interface StepError {
  readonly step: string;
  readonly circuit: Fabric;
  readonly seed: number;
  readonly area: number;
  readonly estimate: number;
  readonly inBand: boolean;
}

/** Each step of a design, and the whole: synthesized and estimated. */
async function errorsOf(seed: number, target: EstimatedTarget) {
  const { name, circuit, gate, adderGates, tools } = target;
  const { layer, mix, inputMix, mapPer, inputMapPer } = drawn(seed);
  const model = randomModel(seed, {
    layer,
    mix: parseMix(mix),
    mapPer: parseMapPer(mapPer),
    inputMix: parseMix(inputMix),
    inputMapPer,
  });
  const design = unrolledDesign(model, { style: name === 'xc7' ? 'xc7' : 'gates' });
  const cost = await synthesize(verilogFiles(design), design.top, tools, { cache });
  const { steps, total } = unrolledArea(model, circuit, adderGates);
  const modules = [
    ...design.layers.map((eachLayer) => [eachLayer.layer, eachLayer.module] as const),
    ...(['scores', 'largest'] as const).map((step) => [step, design[step].name] as const),
  ];
  let sum = 0;
  const found = modules.map(([step, module], i): StepError => {
    const built = cost.layers.find((each) => each.layer === module);
    const area = (adderGates > 0 || circuit === 'gates' ? built?.area : built?.luts) ?? 0;
    sum += area / gate;
    const { value, low, high } = steps[i].area;
    const inBand = area === 0 || (area / gate >= low && area / gate <= high);
    return { step, circuit, seed, area: area / gate, estimate: value, inBand };
  });
  const inBand = sum >= total.low && sum <= total.high;
  return [...found, { step: 'whole', circuit, seed, area: sum, estimate: total.value, inBand }];
}

/** Errors of smaller areas are mostly rounding. */
const leastArea = (circuit: Fabric): number => (circuit.startsWith('lut') ? 20 : 50);

const meter = progressMeter('estimates:');
const errors: StepError[] = [];
for (let i = 0; i < count; i++) {
  for (const target of targets) errors.push(...(await errorsOf(first + i, target)));
  meter.update(i + 1, count, 'layers');
}
meter.stop();

const names: Readonly<Record<string, string>> = { input: 'thresholds', layer: 'weights' };
const rows = targets.flatMap(({ name, circuit }) =>
  ['input', 'layer', 'scores', 'largest', 'whole'].flatMap((step) => {
    const own = errors.filter((error) => error.circuit === circuit && error.step === step);
    const large = own.filter(({ area }) => area >= leastArea(circuit));
    if (large.length === 0) return [];
    const sizes = large
      .map(({ estimate, area, seed }) => ({ off: estimate / area - 1, area, seed }))
      .sort((a, b) => Math.abs(a.off) - Math.abs(b.off));
    const worst = sizes[sizes.length - 1];
    const percent = (off: number): number => Number((100 * off).toFixed(1));
    return [
      {
        target: name
          .split(/[:,]/)
          .map((part) => basename(part))
          .join(' '),
        circuit,
        step: names[step] ?? step,
        count: large.length,
        medianPercent: Math.abs(percent(sizes[Math.floor((sizes.length - 1) / 2)].off)),
        above5Percent: sizes.filter(({ off }) => Math.abs(off) > 0.05).length,
        above15Percent: sizes.filter(({ off }) => Math.abs(off) > 0.15).length,
        worstPercent: percent(worst.off),
        worstArea: Math.round(worst.area),
        worstSeed: worst.seed,
        outsideBand: own.filter(({ inBand }) => !inBand).length,
      },
    ];
  }),
);
console.table(rows);
if (values.save) saveRows('hardware', 'estimates', 'none needed', rows);
