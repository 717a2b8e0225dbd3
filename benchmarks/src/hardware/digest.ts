// `pnpm bench:digest [--designs 200] [--synthesized 10] [--each]`: SHA-256 over all that the packages make and count of
// random models: Verilog text, estimates, adders, folds and depths. Two versions of the packages that compute the same
// print the same lines; `--each` prints one line per design, to find the first that differs.
import { createHash, type Hash } from 'node:crypto';
import {
  type AdderStyle,
  chooseFolds,
  type Design,
  estimateAdders,
  type FoldedDesign,
  type FoldTable,
  foldedCycles,
  foldedDesign,
  scheduleOf,
  unrolledDesign,
} from '@hbnn/circuit';
import { positiveNumber, seedNumber } from '@hbnn/cli/numbers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { distFromAverage, type MapPer, type Mix, random, type ScalePer } from '@hbnn/core';
import {
  builtInTechnology,
  cellFile,
  device,
  estimateAsic,
  estimateFolded,
  estimateFoldedAsic,
  estimateUnrolled,
  foldedAtRate,
  foldedLayers,
  largestFolded,
  unrolledCounts,
} from '@hbnn/estimator';
import { type CheckedModel, census, type InputMapPer, randomModel } from '@hbnn/model';
import { synthesisTarget, synthesize, verilogFiles } from '@hbnn/verilog';

const { values } = scriptOptions(import.meta.url, {
  options: {
    designs: { type: 'string', default: '200' },
    synthesized: { type: 'string', default: '10' },
    each: { type: 'boolean', default: false },
  },
});

const designCount = positiveNumber(values.designs, '--designs');
// None may be synthesized.
const synthesizedCount = seedNumber(values.synthesized, '--synthesized');

/** Networks of more adders are estimated, but not made. */
const maxAdders = 4000;
const clockHz = 100e6;

const mixes: readonly Mix[] = [
  { fractions: [{ bits: 1, fraction: 1 }] },
  distFromAverage(1.4),
  distFromAverage(2.2),
  {
    fractions: [
      { bits: 0, fraction: 0.25 },
      { bits: 1, fraction: 0.25 },
      { bits: 2, fraction: 0.25 },
      { bits: 3, fraction: 0.25 },
    ],
  },
];
const mapPers: readonly MapPer[] = ['element', 'position', 'output', 'input'];
const inputMapPers: readonly InputMapPer[] = ['element', 'position', 'channel'];
const scalePers: readonly ScalePer[] = ['tensor', 'output'];
const layerTexts: readonly string[] = [
  'dense:9x3',
  'dense:24x7',
  'dense:48x16',
  'conv:4x4x3,k3x3,o4,s1,p1',
  'conv:5x4x2,k2x3,o5,s2,p0',
  'depthwise:4x5x4,k3x3,o8,s1,p1',
  'depthwise:3x3x3,k2x2,o3,s1,p0',
];

/** Every third model is a network of any layers, the others are one layer behind thresholds. */
function modelOf(seed: number): CheckedModel {
  if (seed % 3 === 0) return randomModel(`digest ${seed}`);
  const rng = random('digest', seed);
  const pick = <T>(list: readonly T[]): T => list[rng.below(list.length)];
  return randomModel(`digest ${seed}`, {
    layer: pick(layerTexts),
    mix: pick(mixes),
    mapPer: pick(mapPers),
    scalePer: pick(scalePers),
    inputMix: pick(mixes),
    inputMapPer: pick(inputMapPers),
  });
}

const kinds = [
  'adders',
  'unrolled text',
  'pipelined text',
  'depths',
  'folded text',
  'folds',
  'counts',
  'unrolled estimates',
  'cells',
  'folded estimates',
  'folded cells',
  'synthesis',
] as const;
type Kind = (typeof kinds)[number];

const totals = new Map<Kind, Hash>(kinds.map((kind) => [kind, createHash('sha256')]));

function note(seed: number, kind: Kind, what: unknown): void {
  const text = JSON.stringify(what);
  totals.get(kind)?.update(`${seed} ${text}\n`);
  if (!values.each) return;
  console.log(`${seed} ${kind} ${createHash('sha256').update(text).digest('hex').slice(0, 16)}`);
}

/** What a call gives, or the error that it ends with. */
function outcome<T>(call: () => T): T | { readonly error: string } {
  try {
    return call();
  } catch (error) {
    return { error: (error as Error).message };
  }
}

const textsOf = (design: Design | FoldedDesign): Readonly<Record<string, string>> =>
  verilogFiles(design);

function noteUnrolled(seed: number, model: CheckedModel, style: AdderStyle): Design {
  const design = unrolledDesign(model, { style });
  note(seed, 'unrolled text', textsOf(design));
  note(
    seed,
    'depths',
    design.layers.map(({ modules }) =>
      modules.map((module) => {
        if (module.kind !== 'leaf') return module.instances.length;
        const { depth, deepest } = scheduleOf(module.net, 5, 0);
        return [module.net.size, depth, deepest];
      }),
    ),
  );
  const maxLevels = 4 + (seed % 7);
  const pipelined = unrolledDesign(model, { style, maxLevels });
  const { latencyCycles, deepestLevels } = pipelined;
  note(seed, 'pipelined text', [latencyCycles, deepestLevels, textsOf(pipelined)]);
  return design;
}

function noteFolded(seed: number, model: CheckedModel, style: AdderStyle): void {
  const folds: readonly FoldTable[] = [chooseFolds(model, { luts: 3000 + 500 * (seed % 9) }), {}];
  const lanes = Object.fromEntries(
    Object.entries(folds[0]).map(([name, fold]) => [
      name,
      fold === 'constant' ? { pe: 1, simd: 1 } : fold,
    ]),
  );
  note(seed, 'folds', [...folds, foldedCycles(model, lanes)]);
  for (const table of folds) {
    const design = foldedDesign(model, { style, folds: table, maxLevels: 5 + (seed % 8) });
    note(seed, 'folded text', [design.cyclesPerImage, textsOf(design)]);
  }
}

function noteEstimates(seed: number, model: CheckedModel): void {
  for (const circuit of ['lut6', 'lut4', 'gates', 'adders'] as const)
    note(seed, 'counts', unrolledCounts(model, circuit));
  for (const name of ['xc7z045', 'ecp5-85'])
    note(seed, 'unrolled estimates', estimateUnrolled(model, device(name), clockHz));
  const cells = builtInTechnology(45);
  note(seed, 'cells', estimateAsic(model, cells, { framesPerSecond: 1000 }));
  const layers = outcome(() => foldedLayers(census(model)));
  if ('error' in layers) {
    note(seed, 'folded estimates', layers);
    return;
  }
  const oneLane = layers.map(() => ({ pe: 1, simd: 1 }));
  for (const name of ['xc7z045', 'up5k']) {
    const on = device(name);
    note(seed, 'folded estimates', [
      outcome(() => estimateFolded(layers, oneLane, on, clockHz)),
      outcome(() => foldedAtRate(layers, on, 20_000, clockHz)),
      outcome(() => largestFolded(layers, on, clockHz)),
    ]);
  }
  note(seed, 'folded cells', estimateFoldedAsic(layers, oneLane, cells, clockHz));
}

const synthesized: { readonly seed: number; readonly size: number; readonly design: Design }[] = [];
for (let seed = 0; seed < designCount; seed++) {
  const model = modelOf(seed);
  const style: AdderStyle = seed % 2 === 0 ? 'xc7' : 'gates';
  const adders = estimateAdders(model.checkedLayers);
  note(seed, 'adders', adders);
  noteEstimates(seed, model);
  if (adders.reduce((sum, layer) => sum + layer.adders, 0) > maxAdders) continue;
  const design = noteUnrolled(seed, model, style);
  noteFolded(seed, model, style);
  const size = Object.values(textsOf(design)).reduce((sum, text) => sum + text.length, 0);
  synthesized.push({ seed, size, design });
}
synthesized.sort((a, b) => a.size - b.size || a.seed - b.seed);
for (const { seed, design } of synthesized.slice(0, synthesizedCount)) {
  const target = synthesisTarget(design.style === 'xc7' ? 'xc7' : 'ice40', (file) =>
    cellFile('', file),
  );
  const cost = await synthesize(verilogFiles(design), design.top, target, { workers: 1 });
  note(seed, 'synthesis', [cost.luts, cost.depth, cost.cells]);
}
console.log(`${synthesized.length} of ${designCount} models made as designs`);
for (const [kind, hash] of totals) console.log(`${kind}: ${hash.digest('hex')}`);
