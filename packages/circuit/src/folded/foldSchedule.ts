import { KeyNumbers } from '../netlist/keyNumbers.ts';
import type { Fold } from './folds.ts';
import type { InputPlanes } from './inputPlanes.ts';
import { atOnceBatches, type LanesAtOnce, lanesAtOnce, mapAtOnce } from './lanesAtOnce.ts';
import {
  type Batch,
  type GroupMasks,
  operandKey,
  type Packing,
  packedBatches,
  sharedBatches,
} from './packLanes.ts';
import { planeMap } from './planeMaps.ts';
import type { WindowedMatrix } from './stream.ts';
import { isMember, type WeightPlane } from './weightPlanes.ts';

export interface FoldSchedule {
  readonly fold: Fold;
  readonly groups: number;
  /** The output that PE p of group g works on, at g · PE + p: those with as many planes next to each other. */
  readonly outputAt: readonly number[];
  /** Cycles of a group, one after the other: each that there is once. */
  readonly patterns: readonly (readonly Batch[])[];
  readonly patternOf: readonly number[];
  /** Cycles of one place, group after group. */
  readonly stepCount: number;
  /** Products of one bit of a weight and one of an input, over PE · SIMD: what cycles would be if no lane were idle. */
  readonly idealSteps: number;
  /** Where lanes are for all planes of the weights at once; the planes of batches say nothing then. */
  readonly atOnce?: LanesAtOnce;
}

/** Where weights and inputs have which planes. */
interface Presence {
  /** Bit n of members[o · inputs + i]: plane n of a weight. */
  readonly members: Uint8Array;
  /** channels[j][c] is 1 where channel c has plane j of the inputs. */
  readonly channels: readonly Uint8Array[];
}

function presenceOf(
  { outputs, inputs: count, channelOf }: WindowedMatrix,
  planes: readonly WeightPlane[],
  inputs: InputPlanes,
): Presence {
  const members = new Uint8Array(outputs * count);
  let most = 0;
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < count; i++) {
      most = Math.max(most, channelOf(o, i));
    }
  planes.forEach(({ codes }, n) => {
    for (let at = 0; at < members.length; at++) members[at] |= (codes[at] & isMember) << n;
  });
  const channels = inputs.weights.map((_, j) =>
    Uint8Array.from({ length: most + 1 }, (_, c) => (inputs.bits(c, j).length > 0 ? 1 : 0)),
  );
  return { members, channels };
}

/** Outputs with as many planes next to each other: those with most first. */
function outputOrder({ outputs, inputs, channelOf }: WindowedMatrix, at: Presence): number[] {
  const planesOf = Array.from({ length: outputs }, (_, o) => {
    let [weightPlanes, inputPlanes] = [0, 0];
    for (let i = 0; i < inputs; i++) {
      const own = at.members[o * inputs + i];
      weightPlanes |= own;
      if (own === 0) continue;
      const c = channelOf(o, i);
      inputPlanes = Math.max(
        inputPlanes,
        at.channels.reduce((sum, channels) => sum + channels[c], 0),
      );
    }
    return [weightPlanes, inputPlanes];
  });
  const order = Array.from({ length: outputs }, (_, o) => o);
  return order.sort((a, b) => planesOf[b][0] - planesOf[a][0] || planesOf[b][1] - planesOf[a][1]);
}

function groupMasks(
  { inputs, channelOf }: WindowedMatrix,
  { members, channels }: Presence,
  outputs: readonly number[],
): GroupMasks {
  return channels.map((own) => {
    const masks = new Uint8Array(inputs);
    for (const o of outputs)
      for (let i = 0; i < inputs; i++)
        if (own[channelOf(o, i)] === 1) masks[i] |= members[o * inputs + i];
    return masks;
  });
}

const counting = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Nothing is to be added: all lanes are idle. */
const idleBatch: Batch = { weightPlane: -1, inputPlane: 0, lanes: [] };

/**
 * Say what a matrix unit does in each cycle of a place. Outputs, and inputs, with as many planes are worked on together; a
 * group of outputs without any has one cycle in which nothing is added.
 */
export function foldSchedule(
  matrix: WindowedMatrix,
  planes: readonly WeightPlane[],
  inputs: InputPlanes,
  fold: Fold,
  keepsOrder = false,
): FoldSchedule {
  return foldSchedules(matrix, planes, inputs, keepsOrder).of(fold);
}

/** The schedules of one matrix for many folds. */
export interface FoldSchedules {
  of(fold: Fold): FoldSchedule;
  /** A lower bound of a schedule's cycles per place: those that all products take if no lane is ever idle. */
  leastSteps(fold: Fold): number;
}

/**
 * Makes the schedules of one matrix for many folds. What all folds share is computed once.
 *
 * @param keepsOrder whether outputs stay in their order, though more lanes may be idle then
 */
export function foldSchedules(
  matrix: WindowedMatrix,
  planes: readonly WeightPlane[],
  inputs: InputPlanes,
  keepsOrder = false,
): FoldSchedules {
  const presence = presenceOf(matrix, planes, inputs);
  const outputAt = keepsOrder ? counting(matrix.outputs) : outputOrder(matrix, presence);
  const work = products(matrix, presence);
  const known = new Map<number, Groups>();
  const map = planeMap(matrix.layer.weights);
  const of = (fold: Fold): FoldSchedule => {
    const { pe } = fold;
    const own = mapAtOnce(map, fold);
    if (own !== undefined)
      return atOnceSchedule(matrix, inputs, fold, lanesAtOnce(own, fold), work);
    const groups = known.get(pe) ?? groupsOf(matrix, planes, inputs, presence, outputAt, pe);
    known.set(pe, groups);
    return scheduleOf(matrix, fold, groups, { outputAt, work });
  };
  const leastSteps = (fold: Fold): number => {
    const own = mapAtOnce(map, fold);
    const lanes = own === undefined ? fold.simd : lanesAtOnce(own, fold).planes.flat().length;
    return Math.max(matrix.outputs / fold.pe, Math.ceil(work / (fold.pe * lanes)));
  };
  return { of, leastSteps };
}

/** The same cycles for each group of outputs, and in each cycle lanes for all planes of the weights. */
function atOnceSchedule(
  matrix: WindowedMatrix,
  inputs: InputPlanes,
  fold: Fold,
  atOnce: LanesAtOnce,
  work: number,
): FoldSchedule {
  const made = atOnceBatches(matrix, inputs, atOnce);
  const batches = made.length > 0 ? made : [idleBatch];
  const groups = matrix.outputs / fold.pe;
  const lanes = atOnce.planes.flat().length;
  return {
    fold,
    groups,
    outputAt: counting(matrix.outputs),
    patterns: [batches],
    patternOf: counting(groups).map(() => 0),
    stepCount: groups * batches.length,
    idealSteps: work / (fold.pe * lanes),
    atOnce,
  };
}

/** The groups of outputs that one fold makes, with the weights that each group has to work through. */
interface Groups {
  readonly masks: readonly GroupMasks[];
  readonly ratios: readonly Packing['ratio'][];
  /** Groups of the same key are packed the same. */
  readonly keys: readonly string[];
  readonly weightPlanes: number;
}

/** Turns bytes into a string, by which arrays of the same length are compared. */
const oneCharacterEach = new TextDecoder('latin1');

function groupsOf(
  matrix: WindowedMatrix,
  planes: readonly WeightPlane[],
  inputs: InputPlanes,
  presence: Presence,
  outputAt: readonly number[],
  pe: number,
): Groups {
  const weightPlanes = planes.length;
  const members = counting(matrix.outputs / pe).map((g) => outputAt.slice(g * pe, (g + 1) * pe));
  const masks = members.map((outputs) => groupMasks(matrix, presence, outputs));
  const ratios = members.map((outputs): Packing['ratio'] => {
    const ratio = ratiosOf(matrix, planes, inputs, presence, outputs);
    return (from, to) => ratio(from.weightPlane, from.inputPlane, to.weightPlane, to.inputPlane);
  });
  const keys = masks.map(
    (own, g) =>
      `${own.map((mask) => oneCharacterEach.decode(mask)).join('')}${ratioKey(own.length, weightPlanes, ratios[g])}`,
  );
  return { masks, ratios, keys, weightPlanes };
}

function scheduleOf(
  matrix: WindowedMatrix,
  fold: Fold,
  { masks, ratios, keys, weightPlanes }: Groups,
  { outputAt, work }: { readonly outputAt: readonly number[]; readonly work: number },
): FoldSchedule {
  const { pe, simd } = fold;
  const packings = ratios.map((ratio): Packing => ({ simd, weightPlanes, ratio }));
  const groups =
    packedGroups(matrix, masks, keys, packings) ?? sharedGroups(matrix, masks, packings[0]);
  const patternOf: number[] = [];
  const numbers = new KeyNumbers();
  const patterns: (readonly Batch[])[] = [];
  const batches = new Map<Batch, number>();
  for (const group of groups) {
    const cycles = group.length > 0 ? group : [idleBatch];
    for (const batch of cycles) if (!batches.has(batch)) batches.set(batch, batches.size);
    const number = numbers.of(cycles.map((batch) => batches.get(batch)).join());
    patterns[number] ??= cycles;
    patternOf.push(number);
  }
  const stepCount = patternOf.reduce((sum, number) => sum + patterns[number].length, 0);
  const idealSteps = work / (pe * simd);
  return { fold, groups: groups.length, outputAt, patterns, patternOf, stepCount, idealSteps };
}

/** How often the factor of two planes goes into that of two others, in all outputs of a group; 0 where it does not. */
function ratiosOf(
  { inputs: count }: WindowedMatrix,
  planes: readonly WeightPlane[],
  inputs: InputPlanes,
  { members }: Presence,
  outputs: readonly number[],
): (n: number, j: number, toN: number, toJ: number) => number {
  const rows = outputs.map((o) => {
    let own = 0;
    for (let i = 0; i < count; i++) own |= members[o * count + i];
    return own;
  });
  return (n, j, toN, toJ) => {
    let ratio = 0;
    for (let p = 0; p < outputs.length; p++) {
      if (((rows[p] >> n) & 1) !== ((rows[p] >> toN) & 1)) return 0;
      if (((rows[p] >> n) & 1) === 0) continue;
      const from = planes[n].factor(outputs[p]) * inputs.weights[j];
      const times = from / (planes[toN].factor(outputs[p]) * inputs.weights[toJ]);
      if (!Number.isInteger(times) || (ratio !== 0 && times !== ratio)) return 0;
      ratio = times;
    }
    return ratio;
  };
}

/** Lanes choose among operands. Packing may at most double the operands that inputs in their own order would need. */
const maxOperandGrowth = 2;

/** Lanes of a depthwise layer in the order of their inputs: groups then share more of their operands. */
const inOrder = (batch: Batch): Batch => ({
  ...batch,
  lanes: [...batch.lanes].sort((a, b) => a.input - b.input || a.inputPlane - b.inputPlane),
});

/** Batches of each group packed for itself; undefined where groups differ so much that there would be too many operands. */
function packedGroups(
  { layer, inputs }: WindowedMatrix,
  masks: readonly GroupMasks[],
  keys: readonly string[],
  packings: readonly Packing[],
): (readonly Batch[])[] | undefined {
  const [{ simd }] = packings;
  const depthwise = layer.kind === 'depthwise';
  const parts = Math.ceil(inputs / simd);
  // A lane of a depthwise layer chooses its group's channel first. The choice of an operand may cost as much as that one.
  const growth = depthwise ? Math.max(maxOperandGrowth, masks.length) : maxOperandGrowth;
  const room = growth * parts * Math.max(1, masks[0].length) + 4;
  const operands = new Set<string>();
  const made = new Map<string, Batch[]>();
  const groups: Batch[][] = [];
  for (const [g, own] of masks.entries()) {
    const packing = packings[g];
    const key = keys[g];
    let batches = made.get(key);
    if (batches === undefined) {
      const packed = packedBatches(own, packing);
      batches = depthwise ? packed.map(inOrder) : packed;
      for (const { lanes } of batches) operands.add(operandKey(lanes));
      if (operands.size > room) return undefined;
      made.set(key, batches);
    }
    groups.push(batches);
  }
  return groups;
}

function ratioKey(inputPlanes: number, weightPlanes: number, ratio: Packing['ratio']): string {
  const pairs = counting(inputPlanes).flatMap((inputPlane) =>
    counting(weightPlanes).map((weightPlane) => ({ weightPlane, inputPlane, lanes: [] })),
  );
  return pairs.map((from) => pairs.map((to) => ratio(from, to)).join()).join(';');
}

/** Batches from parts of inputs that all groups share, sorted by what they have where that takes fewer cycles. */
function sharedGroups(
  { inputs }: WindowedMatrix,
  masks: readonly GroupMasks[],
  packing: Packing,
): Batch[][] {
  const plain = counting(inputs);
  const uses = plain.map((i) =>
    masks.reduce((sum, own) => {
      let bits = 0;
      for (const mask of own) for (let left = mask[i]; left > 0; left &= left - 1) bits++;
      return sum + bits;
    }, 0),
  );
  const sorted = [...plain].sort((a, b) => uses[b] - uses[a]);
  const [first, second] = [plain, sorted].map((order) => sharedBatches(masks, order, packing));
  const cycles = (groups: Batch[][]): number => groups.reduce((sum, { length }) => sum + length, 0);
  return cycles(second) < cycles(first) ? second : first;
}

function products(
  { outputs, inputs: count, channelOf }: WindowedMatrix,
  { members, channels }: Presence,
): number {
  let sum = 0;
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < count; i++) {
      const c = channelOf(o, i);
      let bits = 0;
      for (const own of channels) bits += own[c];
      for (let left = members[o * count + i]; left > 0; left &= left - 1) sum += bits;
    }
  return sum;
}
