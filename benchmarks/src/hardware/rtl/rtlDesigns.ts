import { readFileSync } from 'node:fs';
import { type AdderStyle, type Fold, type FoldedDesign, foldedDesign } from '@hbnn/circuit';
import { parseMapPer, parseMix, type Random, random } from '@hbnn/core';
import { type CheckedModel, decodeModel, randomModel } from '@hbnn/model';
import { cnvModel } from '../../networks/cnvModel.ts';

/** A folded design whose modules are synthesized: of a random layer, or of a random network. */
export interface DrawnDesign {
  readonly name: string;
  readonly design: FoldedDesign;
}

const divisors = (n: number): number[] =>
  Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0);

const pickOf =
  (rng: Random) =>
  <T>(list: readonly T[]): T =>
    list[rng.below(list.length)];

/** Lanes of a matrix that are drawn: more would take minutes to synthesize. */
const maxLanes = 256;

/** A fold of each layer with weights, drawn among those that divide it. */
function drawnFolds(model: CheckedModel, rng: Random): Record<string, Fold> {
  const pick = pickOf(rng);
  const folds: Record<string, Fold> = {};
  for (const { layer } of model.checkedLayers) {
    if (!('weights' in layer)) continue;
    const [outputs, ...rest] = layer.weights.shape;
    const inputs = rest.reduce((product, n) => product * n, 1);
    for (;;) {
      const fold = { pe: pick(divisors(outputs)), simd: pick(divisors(inputs)) };
      if (fold.pe * fold.simd > maxLanes) continue;
      folds[layer.name] = fold;
      break;
    }
  }
  return folds;
}

const layers = [
  'dense:64x16',
  'dense:144x32',
  'dense:512x10',
  'dense:256x64',
  'dense:1024x8',
  'dense:72x10',
  'conv:8x8x8,k3x3,o16',
  'conv:8x8x16,k3x3,o32,p1',
  'conv:14x14x16,k3x3,o16',
  'conv:6x6x32,k3x3,o32',
  'conv:12x12x4,k5x5,o8',
  'conv:16x16x3,k3x3,o16,p1',
  'conv:28x28x1,k5x5,o6',
  'conv:9x9x24,k1x1,o32',
  'depthwise:10x10x16,k3x3,o16,p1',
  'depthwise:7x7x32,k3x3,o32',
  'conv:80x80x2,k3x3,o8,s2',
  'dense:384x96',
];
const mixes = ['1', '1', '0.7/0.2/0.1', '0.7/0.2/0.1', '0.8/0.2', '0/1', '0:0.3/2:0.7', '0/0/1'];

/** Layers that are fitted to: seeded, behind their thresholds, at drawn folds. */
export function drawnLayer(seed: number, style: AdderStyle): DrawnDesign {
  const rng = random('rtl layer', seed);
  const pick = pickOf(rng);
  const layer = pick(layers);
  const model = randomModel(seed, {
    layer,
    mix: parseMix(pick(mixes)),
    mapPer: parseMapPer(pick(['element', 'position', 'position', 'input', 'output'])),
    scalePer: pick(['tensor', 'tensor', 'output'] as const),
    inputMix: parseMix(pick(['1', '1', '0.7/0.2/0.1', '0/1'])),
    inputMapPer: pick(['channel', 'channel', 'element'] as const),
  });
  const design = designOf(model, rng, style);
  const deep = seed < firstDeep ? design : withDepths(design, rng);
  return { name: `layer ${seed}: ${layer}`, design: deep };
}

/** From this seed on buffers are deeper than two places. */
const firstDeep = 38;

const withDepths = (design: FoldedDesign, rng: Random): FoldedDesign => ({
  ...design,
  layers: design.layers.map((layer) =>
    layer.buffer === undefined
      ? layer
      : { ...layer, buffer: { ...layer.buffer, depth: 3 + rng.below(100) } },
  ),
});

/** Whole networks on one lane per layer, where choosing a lane's input is most of the logic. */
export const oneLaneNetwork = (seed: number, style: AdderStyle): DrawnDesign => ({
  name: `network ${seed}, one lane per layer`,
  design: foldedDesign(randomModel(seed), { style }),
});

/** Whole networks of any layers. */
export function drawnNetwork(seed: number, style: AdderStyle): DrawnDesign {
  const rng = random('rtl network', seed);
  const model = randomModel(seed);
  return { name: `network ${seed}`, design: designOf(model, rng, style) };
}

/** Bits of weights and inputs of narrow versions of CNV, which are drawn in turn. */
const narrowBits = [
  [1, 1],
  [1.4, 1.4],
  [2, 2],
  [1.2, 1.2],
] as const;

/**
 * CNV with a quarter of its channels, at folds that are drawn: many outputs in groups, whose sums meet their thresholds
 * group by group.
 */
export function narrowNetwork(seed: number, style: AdderStyle): DrawnDesign {
  const [weights, inputs] = narrowBits[seed % narrowBits.length];
  const model = cnvModel(seed, { weights, inputs, mapPer: 'position' }, 4);
  const design = designOf(model, random('narrow network', seed), style);
  return { name: `narrow CNV ${seed}, ${weights}/${inputs} bits`, design };
}

const designOf = (model: CheckedModel, rng: Random, style: AdderStyle): FoldedDesign =>
  foldedDesign(model, { style, folds: drawnFolds(model, rng), balanced: rng.below(2) === 0 });

/** Trained networks that the documentation shows, at folds that are drawn once. */
export function* trainedDesigns(style: AdderStyle): Generator<DrawnDesign> {
  for (const bits of ['1', '1.4', '2']) {
    const file = new URL(`../../../../docs/public/models/bits-${bits}.hbnn`, import.meta.url);
    const model = decodeModel(readFileSync(file));
    yield {
      name: `trained, ${bits} bits`,
      design: designOf(model, random('trained', bits), style),
    };
  }
}
