// `pnpm bench:folds [--seed 1]`: each layer of CNV (VGG-8) at FINN's folds with 1, 1.2, 1.4 and 2 bits, weights alone
// or inputs too: cycles per place beside those in which no lane would be idle, and bits of the memories of weights and
// of control. `pnpm bench:lanes` says what lanes take.

import { controlBits, type FoldTable, foldedDesign, type MatrixUnit } from '@hbnn/circuit';
import { seedNumber } from '@hbnn/cli/numbers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { distFromAverage, HbnnError, type MapPer } from '@hbnn/core';
import { type CheckedModel, checkModel, randomModel } from '@hbnn/model';
import { provenance } from '../results/provenance.ts';

const { values } = scriptOptions(import.meta.url, {
  options: { seed: { type: 'string', default: '1' } },
});
const seed = seedNumber(values.seed, '--seed');

/** CNV's layers with weights, and FINN's folds of them for weights of 1 bit; the first one's inputs are pixels. */
const layers = [
  ['conv:32x32x3,k3x3,o64', 16, 3],
  ['conv:30x30x64,k3x3,o64', 32, 32],
  ['conv:14x14x64,k3x3,o128', 16, 32],
  ['conv:12x12x128,k3x3,o128', 16, 32],
  ['conv:5x5x128,k3x3,o256', 4, 32],
  ['conv:3x3x256,k3x3,o256', 1, 32],
  ['dense:256x512', 1, 4],
  ['dense:512x512', 1, 8],
  ['dense:512x64', 4, 1],
] as const;
const bitsOf = [
  [1, 1],
  [1.2, 1],
  [1.4, 1],
  [2, 1],
  [1.2, 1.2],
  [1.4, 1.4],
  [2, 2],
] as const;

interface Case {
  readonly layer: string;
  readonly bits: readonly [weights: number, inputs: number];
  readonly mapPer: MapPer;
  readonly pixels?: boolean;
}

function modelOf({ layer, bits, mapPer, pixels = false }: Case): CheckedModel {
  const model = randomModel(`folds ${seed}`, {
    layer,
    mix: distFromAverage(bits[0]),
    mapPer,
    inputMix: distFromAverage(bits[1]),
    inputMapPer: 'channel',
  });
  return pixels ? checkModel({ ...model, layers: model.layers.slice(1) }) : model;
}

function matrixOf(model: CheckedModel, folds: FoldTable): MatrixUnit {
  const units = foldedDesign(model, { folds }).layers.flatMap((layer) => layer.units);
  const unit = units.find((one): one is MatrixUnit => one.kind === 'matrix');
  if (unit === undefined)
    throw new HbnnError(
      "folds: expected a layer on lanes, got one of constants; lower its fold's SIMD",
    );
  return unit;
}

function row(one: Case, pe: number, simd: number): string {
  const { tables, matrix } = matrixOf(modelOf(one), { layer: { pe, simd } });
  const { stepCount, idealSteps } = tables.schedule;
  const weightBits = tables.weights.length * tables.weightBits;
  const control = controlBits(tables);
  const cells = [
    one.layer,
    `${pe} x ${simd}`,
    `${one.bits[0]} / ${one.pixels ? 8 : one.bits[1]}`,
    one.mapPer,
    stepCount,
    idealSteps.toFixed(1),
    (stepCount / idealSteps).toFixed(3),
    weightBits,
    (weightBits / (one.bits[0] * matrix.outputs * matrix.inputs)).toFixed(2),
    control,
    `${((100 * control) / weightBits).toFixed(2)} %`,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** What the numbers need beside them to be believed. */
function about(): string {
  const { commit, machine, node } = provenance('none', 'pnpm bench:folds');
  return `Commit ${commit}; seed ${seed}; ${machine}; Node ${node}\n`;
}

function printCycles(): void {
  console.log(about());
  console.log(
    '| layer | PE x SIMD | bits | map per | cycles a place | ideal | ratio | weight memory, bits | to average bits | control, bits | to weight memory |',
  );
  console.log('| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  layers.forEach(([layer, pe, simd], k) => {
    for (const bits of bitsOf) {
      if (k === 0 && bits[1] !== 1) continue;
      console.log(row({ layer, bits, mapPer: 'position', pixels: k === 0 }, pe, simd));
    }
  });
  // Maps of other kinds, on the third layer.
  const [layer, pe, simd] = layers[2];
  for (const mapPer of ['output', 'block:32', 'element'] as const)
    for (const inputs of [1, 1.4])
      console.log(row({ layer, bits: [1.4, inputs], mapPer }, pe, simd));
}

printCycles();
