import { HbnnError } from '@hbnn/core';
import { type CheckedModel, rowLength } from '@hbnn/model';
import { digits } from '../unrolled/budget.ts';
import { type FoldedDesign, shallowDesign } from './foldedDesign.ts';
import { foldSchedule, foldSchedules } from './foldSchedule.ts';
import { type Fold, type FoldTable, lutsPerLane } from './folds.ts';
import { lanesAtOnce, mapAtOnce } from './lanesAtOnce.ts';
import { type PlaneMap, planeMap } from './planeMaps.ts';
import { beatWidth } from './stream.ts';
import {
  type FoldedLayer,
  type Gaps,
  gapsOf,
  layerBuffers,
  type MatrixUnit,
  matrixCycles,
  placesOf,
  scanOf,
  type Unit,
} from './units.ts';
import { weightPlanes } from './weightPlanes.ts';

/** What folds are chosen for: so many cycles per image at most, or the fewest cycles within so many LUTs. */
export type FoldGoal = { readonly cycles: number } | { readonly luts: number };

/** Coefficients of a rough count of LUT6s, to tell folds apart; synthesis says what a design takes. */
const lutsPer = {
  laneBit: lutsPerLane,
  /** A PE's bit of a sum: choosing what it starts from, adding, shifting by factors. */
  sumBit: 2.5,
  /** A two-way choice of one bit, where a LUT6 makes three of them. */
  choice: 1 / 3,
  /** A bit of a memory that is only read. */
  romBit: 1 / 64,
  /** A signed digit of a constant weight and a bit of its input. */
  constantBit: 0.75,
  /** A gate of other logic. */
  gate: 0.4,
} as const;

interface Choice {
  readonly fold: Fold | 'constant';
  readonly cycles: number;
  readonly luts: number;
}

/** A layer with weights and what folds of it come to. */
interface Foldable {
  readonly name: string;
  /** The fewest cycles: those of its window. */
  readonly least: number;
  /** Cheapest first; cycles are counted when they are asked for. */
  readonly folds: readonly {
    readonly luts: number;
    readonly fold: Fold | 'constant';
    /** A lower bound of `cycles`, which takes no schedule. */
    leastCycles(): number;
    cycles(): number;
  }[];
}

/**
 * Choose a fold for each layer with weights: the cheapest that keeps to the cycles, by the rough count above.
 *
 * @param place what errors call the number of LUTs
 * @throws HbnnError when a layer's pixels alone take more cycles, or one lane per layer more LUTs
 */
export function chooseFolds(model: CheckedModel, goal: FoldGoal, place = 'luts'): FoldTable {
  const network = foldables(model);
  if ('cycles' in goal) return tableOf(within(network.foldable, goal.cycles));
  const minLuts = fewestLuts(network);
  if (minLuts > goal.luts)
    throw new HbnnError(
      `${place}: expected at least ${minLuts}, about the LUTs of one lane per layer, got ${goal.luts}; give ${minLuts} or more: with twice as many an image takes far fewer cycles`,
    );
  return fastestWithin(network, goal.luts);
}

/** LUTs that folds are chosen for where nobody asks for others. */
const defaultLuts = 50_000;
/** How many times the fewest LUTs a larger network gets: with one lane per layer an image takes millions of cycles. */
const defaultRoom = 1.5;

/** Folds that are chosen where nobody asks for others. */
export interface DefaultFolds {
  readonly folds: FoldTable;
  /** LUTs that they keep to, by a rough count. */
  readonly luts: number;
  /** LUTs of one lane per layer. */
  readonly minLuts: number;
  /** Whether the usual number of LUTs leaves too little room beside these. */
  readonly isLarge: boolean;
}

/** Choose the fastest folds within 50,000 LUTs, or within half as many again as one lane per layer takes. */
export function defaultFolds(model: CheckedModel): DefaultFolds {
  const network = foldables(model);
  const minLuts = fewestLuts(network);
  const luts = Math.max(defaultLuts, Math.ceil(defaultRoom * minLuts));
  return { folds: fastestWithin(network, luts), luts, minLuts, isLarge: luts > defaultLuts };
}

/** LUTs of a network whose layers keep to some cycles. */
const lutsWithin = ({ foldable, others }: FoldableNetwork, cycles: number): number =>
  within(foldable, cycles).reduce((sum, { choice }) => sum + choice.luts, others);

/** Cycles that all layers keep to with their cheapest folds. */
const cheapestCycles = ({ foldable }: FoldableNetwork): number =>
  foldable.reduce((most, { folds }) => Math.max(most, folds[0].cycles()), 1);

const fewestLuts = (network: FoldableNetwork): number =>
  Math.ceil(lutsWithin(network, cheapestCycles(network)));

/** The folds with the fewest cycles within a number of LUTs that holds one lane per layer. */
function fastestWithin(network: FoldableNetwork, luts: number): FoldTable {
  let high = cheapestCycles(network);
  // No layer can work in fewer cycles than its least.
  let low = network.foldable.reduce((most, { least }) => Math.max(most, least), 1);
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (lutsWithin(network, middle) <= luts) high = middle;
    else low = middle + 1;
  }
  return tableOf(within(network.foldable, high));
}

const tableOf = (
  chosen: readonly { readonly name: string; readonly choice: Choice }[],
): FoldTable => Object.fromEntries(chosen.map(({ name, choice }) => [name, choice.fold]));

function within(
  foldable: readonly Foldable[],
  cycles: number,
): { readonly name: string; readonly choice: Choice }[] {
  return foldable.map(({ name, folds, least }) => {
    const found = folds.find((one) => one.leastCycles() <= cycles && one.cycles() <= cycles);
    if (found === undefined)
      throw new HbnnError(
        `${name}: expected at least ${least} cycles per image, one per pixel of its window, got ${Math.floor(cycles)}; ask for fewer images per second or a faster clock`,
      );
    return { name, choice: { fold: found.fold, cycles: found.cycles(), luts: found.luts } };
  });
}

/** A design of one row of lanes in each layer: cheap to make, and pixels are as they will be. */
function oneRowDesign(model: CheckedModel): FoldedDesign {
  const folds = model.checkedLayers.flatMap(({ layer, input }): [string, Fold][] => {
    if (!('weights' in layer)) return [];
    const [outputs] = layer.weights.shape;
    const row = rowLength(layer.weights.shape);
    const simd = layer.kind === 'conv' ? input[2] : row;
    // The whole matrix at once would have its weights as constants.
    return [[layer.name, { pe: 1, simd: outputs === 1 && simd === row ? 1 : simd }]];
  });
  return shallowDesign(model, { folds: Object.fromEntries(folds), grouped: false });
}

/**
 * Cycles per image of a folded design, without making it: of the layer that takes longest, planes one after the other where
 * some weight and some input have them.
 *
 * @param folds of each layer with weights, by name
 * @throws HbnnError when a layer with weights has no fold
 */
export function foldedCycles(model: CheckedModel, folds: Readonly<Record<string, Fold>>): number {
  const cycles = oneRowDesign(model).layers.map((layer): number => {
    const unit = layer.units.find(({ kind }) => kind === 'matrix');
    if (unit?.kind !== 'matrix') return layer.cycles.scheduled;
    const fold = Object.hasOwn(folds, layer.layer) ? folds[layer.layer] : undefined;
    if (fold === undefined)
      throw new HbnnError(
        `${layer.layer}: expected a fold of each layer with weights, got none; add one, such as { pe: 1, simd: 1 }`,
      );
    const { matrix, inputs } = unit;
    if (fold.pe === matrix.outputs && fold.simd === matrix.inputs && fold.planes === undefined)
      return scanOf(layer);
    const planes = weightPlanes(matrix.layer.weights);
    const { stepCount } = foldSchedule(matrix, planes, inputs, fold);
    return matrixCycles(stepCount, matrixGaps(layer), false);
  });
  return Math.max(1, ...cycles);
}

/** The gaps between the beats that a layer's matrix gets. */
function matrixGaps(layer: FoldedLayer): Gaps {
  const at = layer.units.findIndex(({ kind }) => kind === 'matrix');
  return gapsOf(layer.units[at - 1], placesOf(layer));
}

/** Layers with weights, and the LUTs of all else. */
interface FoldableNetwork {
  readonly foldable: readonly Foldable[];
  readonly others: number;
}

function foldables(model: CheckedModel): FoldableNetwork {
  const design = oneRowDesign(model);
  const foldable: Foldable[] = [];
  let others = 0;
  for (const layer of design.layers) {
    const unit = layer.units.find(({ kind }) => kind === 'matrix');
    for (const one of layer.units) others += lutsOf(one);
    others += layerBuffers(layer).length * beatWidth(layer.input);
    if (unit?.kind === 'matrix') foldable.push(foldsOf(layer, unit));
  }
  return { foldable, others: others + lutsOf(design.scores.unit) };
}

/** LUTs of what does not hang on a fold. */
function lutsOf(unit: Unit): number {
  switch (unit.kind) {
    case 'logic':
      return lutsPer.gate * unit.leaf.net.size;
    case 'window':
      // Line buffers are memories; a pixel goes in with its zeros.
      return 50 + unit.inputWidth;
    case 'collect':
      return 20;
    case 'accumulate':
      return 20 + lutsPer.gate * unit.leaf.net.size;
    case 'deal':
      return 20 + lutsPer.choice * unit.bits.length * unit.outputWidth;
    case 'gather':
      return 20;
    case 'matrix':
      return 50;
    default:
      return unit satisfies never;
  }
}

const divisors = (n: number): number[] =>
  Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0);

function foldsOf(layer: FoldedLayer, { matrix, inputs, tables }: MatrixUnit): Foldable {
  const planes = weightPlanes(matrix.layer.weights);
  const map = planeMap(matrix.layer.weights);
  const scheduled = foldSchedules(matrix, planes, inputs);
  const scan = scanOf(layer);
  const gaps = matrixGaps(layer);
  const candidates = divisors(matrix.outputs).flatMap((pe) =>
    widthsOf(matrix.inputs, map).map((width): Fold => ({ pe, ...width })),
  );
  const bits = inputs.width * inputs.weights.length;
  const folds = candidates.map((fold) => {
    const whole =
      fold.pe === matrix.outputs && fold.simd === matrix.inputs && fold.planes === undefined;
    if (whole) {
      const luts = lutsPer.constantBit * digits(matrix.layer.weights) * bits;
      const cycles = (): number => scan;
      return { luts, fold: 'constant' as const, leastCycles: cycles, cycles };
    }
    let known: number | undefined;
    const cycles = (): number => {
      known ??= scheduled.of(fold).stepCount;
      return matrixCycles(known, gaps, false);
    };
    const leastCycles = (): number =>
      matrixCycles(known ?? scheduled.leastSteps(fold), gaps, false);
    const luts = laneLuts(fold, { matrix, inputs, tables }, map);
    return { luts, fold, leastCycles, cycles };
  });
  folds.sort((a, b) => a.luts - b.luts);
  return { name: layer.layer, least: scan, folds };
}

/** The widths of a fold: divisors, or whole groups of a balanced map, and the planes of a shared map at once. */
function widthsOf(inputs: number, map: PlaneMap | undefined): Omit<Fold, 'pe'>[] {
  const widths = divisors(inputs).map((simd): Omit<Fold, 'pe'> => ({ simd }));
  if (map === undefined) return widths;
  if (map.kind === 'balanced') {
    const groups = divisors(Math.ceil(inputs / map.size)).map((n) => n * map.size);
    return [...widths, ...groups.filter((simd) => inputs % simd !== 0).map((simd) => ({ simd }))];
  }
  if (map.planes === 1) return widths;
  return [...widths, ...widths.map(({ simd }) => ({ simd, planes: map.planes }))];
}

/** The lanes of a PE, and the two-way choices by which they take their inputs. */
function lanesOf(
  fold: Fold,
  map: PlaneMap | undefined,
): { readonly lanes: number; readonly choices: number } {
  const own = mapAtOnce(map, fold);
  if (own === undefined) return { lanes: fold.simd, choices: 0 };
  const all = lanesAtOnce(own, fold).planes.flat();
  return {
    lanes: all.length,
    choices: all.reduce((sum, lane) => sum + lane.choices - 1, 0),
  };
}

function laneLuts(
  fold: Fold,
  { matrix, inputs, tables }: Pick<MatrixUnit, 'matrix' | 'inputs' | 'tables'>,
  map: PlaneMap | undefined,
): number {
  const { pe, simd } = fold;
  const operands = Math.ceil(matrix.inputs / simd) * inputs.weights.length;
  const { lanes, choices } = lanesOf(fold, map);
  const muxes = matrix.layer.kind === 'depthwise' ? pe * (matrix.outputs / pe) : 1;
  const rom = tables.weights.length * tables.weightBits;
  return (
    (lutsPer.laneBit * lanes + lutsPer.choice * choices) * pe * inputs.width +
    lutsPer.sumBit * pe * tables.width +
    lutsPer.choice * operands * muxes * simd * inputs.width +
    lutsPer.romBit * rom
  );
}
