// `pnpm bench:growth [--count N]`: estimates of random layers beside those with more inputs, outputs, or bits of their
// weights and inputs: how many do not grow, in LUTs and gate equivalents. --count is the number of layers (default 120).

import type { Fabric } from '@hbnn/circuit';
import { positiveNumber } from '@hbnn/cli/numbers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { type MapPer, parseMapPer, parseMix, random } from '@hbnn/core';
import { unrolledArea } from '@hbnn/estimator';
import { randomModel } from '@hbnn/model';

const { values } = scriptOptions(import.meta.url, {
  options: { count: { type: 'string', default: '120' } },
});
const count = positiveNumber(values.count, '--count');
// A cell that adds three bits, of sky130.
const circuits: readonly (readonly [Fabric, number])[] = [
  ['lut6', 0],
  ['lut4', 0],
  ['gates', 0],
  ['adders', 5.33],
];

interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  readonly mix: string;
  readonly mapPer: MapPer;
  readonly inputMix: string;
}

function areasOf(seed: number, { inputs, outputs, mix, mapPer, inputMix }: Layer): number[] {
  const model = randomModel(seed, {
    layer: `dense:${inputs}x${outputs}`,
    mix: parseMix(mix),
    mapPer,
    inputMix: parseMix(inputMix),
    inputMapPer: 'channel',
  });
  return circuits.map(([circuit, cell]) => unrolledArea(model, circuit, cell).total.value);
}

const steps = new Map<string, { count: number; smaller: number; maxPercent: number }>();

function compare(step: string, from: readonly number[], to: readonly number[]): void {
  const found = steps.get(step) ?? { count: 0, smaller: 0, maxPercent: 0 };
  to.forEach((area, i) => {
    const change = Number((100 * (area / from[i] - 1)).toFixed(1));
    found.count++;
    if (area < from[i]) found.smaller++;
    found.maxPercent = Math.min(found.maxPercent, change);
  });
  steps.set(step, found);
}

const maxWeights = 4096;
for (let seed = 0; seed < count; seed++) {
  const rng = random('growth', seed);
  const pick = <T>(list: readonly T[]): T => list[rng.below(list.length)];
  const inputs = Math.round(16 * 2 ** (rng.below(40) / 10));
  const outputs = Math.min(Math.round(2 ** (rng.below(50) / 10)), Math.floor(maxWeights / inputs));
  const mix = pick(['1', '0/1', '0.7/0.2/0.1', '0.8/0.2', '0/0/1']);
  const mapPer = parseMapPer(pick(['element', 'position']));
  const layer: Layer = { inputs, outputs, mix, mapPer, inputMix: pick(['1', '1', '0/1']) };
  const base = areasOf(seed, layer);
  const more = (change: Partial<Layer>): number[] => areasOf(seed, { ...layer, ...change });
  compare('inputs + 1', base, more({ inputs: inputs + 1 }));
  compare('outputs + 1', base, more({ outputs: outputs + 1 }));
  for (const times of [1.1, 1.25, 1.5, 2]) {
    compare(`inputs x ${times}`, base, more({ inputs: Math.ceil(times * inputs) }));
    compare(`outputs x ${times}`, base, more({ outputs: Math.ceil(times * outputs) }));
  }
  const [oneBit, two, three] = ['1', '0/1', '0/0/1'].map((bits) => more({ mix: bits }));
  compare('1 to 2 bits', oneBit, two);
  compare('2 to 3 bits', two, three);
  compare('input bits 1 to 2', more({ inputMix: '1' }), more({ inputMix: '0/1' }));
  for (const per of ['element', 'position']) {
    const mixed = more({ mix: '0.7/0.2/0.1', mapPer: parseMapPer(per) });
    compare(`1 to 1.4 bits per ${per}`, oneBit, mixed);
    compare(`1.4 bits per ${per} to 2`, mixed, two);
    compare(`1.4 bits per ${per} to 3`, mixed, three);
  }
}
console.table([...steps].map(([step, found]) => ({ step, ...found })));
