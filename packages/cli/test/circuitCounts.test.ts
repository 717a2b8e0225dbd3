import { type AdderStyle, estimateAdders, unrolledDesign } from '@hbnn/circuit';
import { distFromAverage } from '@hbnn/core';
import { unrolledCounts } from '@hbnn/estimator';
import { type CheckedModel, randomModel } from '@hbnn/model';
import { describe, expect, it } from 'vitest';

/** Cells and gates of each layer's module in the generated netlists. */
function generated(model: CheckedModel, style: AdderStyle) {
  return unrolledDesign(model, { style }).layers.map(({ modules }) => {
    const leaves = new Map(modules.map((one) => [one.name, one]));
    const count = { counters: 0, chainPlaces: 0, chains: 0, adders: 0 };
    const visit = (name: string): void => {
      const module = leaves.get(name);
      if (module === undefined) throw new Error(`no module ${name}`);
      if (module.kind === 'wrapper') {
        for (const { module: of } of module.instances) visit(of);
        return;
      }
      const { net } = module;
      for (const { kind, inputs, outputs } of net.cells)
        if (kind === 'count7') count.counters++;
        else {
          count.chains++;
          // Three rows and two bits more; the last carry takes no table.
          count.chainPlaces += Math.min(outputs.length, (inputs.length - 2) / 3 + 1);
        }
      // A sum is half an adder, and its carry the other half.
      for (let node = 0; node < net.size; node++)
        if (net.kind(node) === 'majority' || net.kind(node) === 'xor3') count.adders += 0.5;
    };
    visit(modules[modules.length - 1].name);
    return count;
  });
}

// Places of more than eight inputs: sums of fewer are counted without their adders in plain gates.
const layers = [
  ['dense:144x16', 1, 1],
  ['dense:144x16', 1.4, 1],
  ['dense:60x9', 2, 1.4],
  ['dense:16x2', 1.4, 1],
  ['conv:5x6x4,k3x3,o6,p1', 1.4, 1],
  ['depthwise:6x6x3,k4x4,o6,s2,p1', 2, 1],
] as const;

describe('the estimator counts what the generator makes', () => {
  it.each(layers)('of %s, %d bits, inputs %d bits', (layer, weights, inputs) => {
    const model = randomModel(7, {
      layer,
      mix: distFromAverage(weights),
      inputMix: distFromAverage(inputs),
      inputMapPer: 'channel',
    });
    const own = generated(model, 'xc7')[1];
    const counted = unrolledCounts(model, 'lut6')[1];
    const pairs = [
      [counted.counters, own.counters],
      [counted.chainPlaces, own.chainPlaces],
      [counted.chains, own.chains],
    ];
    for (const [ours, made] of pairs) {
      // Windows at an edge have equal sums, which are made once; and a heap that is given a bit twice, by sums that
      // turned out equal, takes it once a column higher. Heights show neither.
      expect(ours).toBeGreaterThanOrEqual(made);
      expect(ours).toBeLessThanOrEqual((layer.startsWith('dense') ? 1.01 : 1.05) * made + 2);
    }
    // Equal adders met again are made once in plain gates, which heights do not show.
    const { adders } = generated(model, 'gates')[1];
    const { fullAdders } = unrolledCounts(model, 'gates')[1];
    expect(fullAdders).toBeGreaterThanOrEqual(adders);
    expect(fullAdders).toBeLessThan(1.1 * adders + 10);
  });

  it('of pools that add, in random networks', () => {
    let pools = 0;
    for (let seed = 0; pools < 6; seed++) {
      const model = randomModel(seed);
      const at = model.layers.findIndex(({ kind }) => kind === 'sumPool');
      if (
        at < 0 ||
        estimateAdders(model.checkedLayers).reduce((sum, { adders }) => sum + adders, 0) > 20_000
      )
        continue;
      pools++;
      for (const style of ['xc7', 'gates'] as const) {
        const made = generated(model, style)[at];
        const counted = unrolledCounts(model, style === 'xc7' ? 'lut6' : 'gates')[at];
        expect(counted.counters, `seed ${seed}`).toBe(made.counters);
        expect(counted.chainPlaces, `seed ${seed}`).toBe(made.chainPlaces);
        expect(counted.fullAdders, `seed ${seed}`).toBe(made.adders);
      }
    }
  });
});
