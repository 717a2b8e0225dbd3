import { type IntegerWeights, rowLength } from '@hbnn/model';
import { KeyNumbers } from '../netlist/keyNumbers.ts';
import type { Form } from '../netlist/value.ts';
import type { Fold } from './folds.ts';
import {
  type Batch,
  type GroupMasks,
  type Lane,
  type Packing,
  packedBatches,
  sharedBatches,
} from './packLanes.ts';
import type { Stream, WindowedMatrix } from './stream.ts';

/** A bit of weights: ±factor where it is a member. */
export interface WeightPlane {
  member(o: number, i: number): boolean;
  positive(o: number, i: number): boolean;
  factor(o: number): number;
}

/** Planes of weights: those of residual binarization, or the eight digits of two's complement. */
export function weightPlanes(weights: IntegerWeights): WeightPlane[] {
  const row = rowLength(weights.shape);
  if (weights.kind === 'int8') {
    const { values } = weights;
    return Array.from({ length: 8 }, (_, n) => ({
      member: (o, i) => ((values[o * row + i] >> n) & 1) === 1,
      positive: () => n < 7,
      factor: () => 2 ** n,
    }));
  }
  const { bits, signs, multiples, scalePer } = weights;
  return multiples.map((ks, n) => {
    const factor = (o: number): number => ks[scalePer === 'tensor' ? 0 : o];
    return {
      member: (o, i) => bits[o * row + i] > n && factor(o) !== 0,
      positive: (o, i) => ((signs[o * row + i] >> n) & 1) === 1,
      factor,
    };
  });
}

/** How a channel's bits are taken: plane after plane, or all of them as one number of so many bits. */
export interface InputPlanes {
  /** Value of the lowest bit of each plane. */
  readonly weights: readonly number[];
  /** Bits of an operand. */
  readonly width: number;
  /** Which of a channel's bits are a plane's operand, least significant first; −1 is 0. Empty: it has no such plane. */
  bits(c: number, plane: number): readonly number[];
}

export function inputPlanes({ forms, coding }: Stream): InputPlanes {
  const all = forms.flatMap(({ weights }) => weights.map((weight) => Math.log2(weight)));
  if (all.length === 0) return { weights: [], width: 1, bits: () => [] };
  const digits = forms.every(({ weights }) => new Set(weights).size === weights.length);
  if (coding === 'planes' || !digits || !all.every(Number.isInteger)) return serial(forms);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const width = high - low + 1;
  return {
    weights: [2 ** low],
    width,
    bits: (c) => {
      const { weights } = forms[c];
      if (weights.length === 0) return [];
      return Array.from({ length: width }, (_, j) => weights.indexOf(2 ** (low + j)));
    },
  };
}

/** A plane for each weight of a bit, and one more where a channel has the same weight again. */
function serial(forms: readonly Form[]): InputPlanes {
  const keysOf = ({ weights }: Form): string[] =>
    weights.map(
      (weight, j) => `${weight},${weights.slice(0, j).filter((w) => w === weight).length}`,
    );
  const keys = forms.map(keysOf);
  const planes = [...new Set(keys.flat())];
  return {
    weights: planes.map((key) => Number(key.split(',')[0])),
    width: 1,
    bits: (c, plane) => {
      const at = keys[c].indexOf(planes[plane]);
      return at < 0 ? [] : [at];
    },
  };
}

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
}

/** Where weights and inputs have which planes. */
interface Presence {
  /** Bit n of members[o · inputs + i]: plane n of a weight. */
  readonly members: Uint8Array;
  /** Of each plane of inputs the channels that have it. */
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
      planes.forEach((plane, n) => {
        if (plane.member(o, i)) members[o * count + i] |= 1 << n;
      });
    }
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
): FoldSchedule {
  const { pe, simd } = fold;
  const presence = presenceOf(matrix, planes, inputs);
  const outputAt = outputOrder(matrix, presence);
  const members = counting(matrix.outputs / pe).map((g) => outputAt.slice(g * pe, (g + 1) * pe));
  const masks = members.map((outputs) => groupMasks(matrix, presence, outputs));
  const packings = members.map((outputs): Packing => {
    const ratios = ratiosOf(matrix, planes, inputs, presence, outputs);
    const ratio = (from: Batch, to: Batch): number =>
      ratios(from.weightPlane, from.inputPlane, to.weightPlane, to.inputPlane);
    return { simd, weightPlanes: planes.length, ratio };
  });
  const groups = packedGroups(matrix, masks, packings) ?? sharedGroups(matrix, masks, packings[0]);
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
  const idealSteps = products(matrix, presence) / (pe * simd);
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

/** Operands are chosen from by each lane: as many as inputs in their own order would have, and so many times more. */
const maxOperandGrowth = 2;

/** Batches of each group packed for itself; undefined where groups differ so much that there would be too many operands. */
function packedGroups(
  { layer, inputs }: WindowedMatrix,
  masks: readonly GroupMasks[],
  packings: readonly Packing[],
): (readonly Batch[])[] | undefined {
  const [{ simd }] = packings;
  const depthwise = layer.kind === 'depthwise';
  const parts = Math.ceil(inputs / simd);
  const room =
    maxOperandGrowth * parts * Math.max(1, masks[0].length) * (depthwise ? masks.length : 1) + 4;
  const operands = new Set<string>();
  const made = new Map<string, Batch[]>();
  const groups: Batch[][] = [];
  for (const [g, own] of masks.entries()) {
    const packing = packings[g];
    const key = `${own.map((mask) => mask.join()).join(';')} ${ratioKey(own, packing)}`;
    const batches = made.get(key) ?? packedBatches(own, packing);
    if (depthwise || !made.has(key))
      for (const { lanes } of batches) operands.add(`${depthwise ? g : 0} ${operandKey(lanes)}`);
    if (operands.size > room) return undefined;
    made.set(key, batches);
    groups.push(batches);
  }
  return groups;
}

function ratioKey(masks: GroupMasks, { weightPlanes, ratio }: Packing): string {
  const pairs = masks.flatMap((_, inputPlane) =>
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

const operandKey = (lanes: readonly Lane[]): string =>
  lanes.map(({ input, inputPlane }) => `${input}.${inputPlane}`).join();

/**
 * What says which weights are members of a plane: nothing where all are, a bit of each PE where its lanes agree, or one of
 * each lane. Idle lanes have an operand of 0 and need none.
 */
export type Members = 'all' | 'rows' | 'each';

/** Contents of a matrix unit's memories, as numbers of any width. */
export interface MatrixTables {
  readonly schedule: FoldSchedule;
  /** Bits of an accumulator. */
  readonly width: number;
  /** Each batch of a group once: signs and, where some are no members, members. */
  readonly weights: readonly bigint[];
  readonly weightBits: number;
  readonly members: Members;
  /** Factors of the products: one for all PEs or one each; the values that there are. */
  readonly factors: readonly number[];
  readonly factorPerPe: boolean;
  readonly steps: readonly {
    /** Which word of `weights`, and which operand. */
    readonly weight: number;
    readonly operand: number;
    /** One, or one per PE. */
    readonly factors: readonly number[];
    readonly group: number;
    readonly first: boolean;
    readonly last: boolean;
  }[];
  /** What operands are: the bits of SIMD inputs at most; of a depthwise layer the outputs' group too. */
  readonly operands: readonly { readonly group: number; readonly lanes: readonly Lane[] }[];
  /** What each output is short of because a minus is made by inverting, to be added once per place. */
  readonly corrections: readonly number[];
}

/** Work out a matrix unit's memories for a schedule. */
export function matrixTables(
  matrix: WindowedMatrix,
  planes: readonly WeightPlane[],
  inputs: InputPlanes,
  schedule: FoldSchedule,
  width: number,
): MatrixTables {
  const { fold, outputAt, patterns, patternOf } = schedule;
  const { pe, simd } = fold;
  const corrections = new Array<number>(matrix.outputs).fill(0);
  const most = 2 ** inputs.width - 1;
  const operandOf = new KeyNumbers();
  const weightOf = new KeyNumbers();
  const operands: MatrixTables['operands'][number][] = [];
  const words: WeightWord[] = [];
  const depthwise = matrix.layer.kind === 'depthwise';
  const factorPerPe =
    matrix.layer.weights.kind === 'planes' && matrix.layer.weights.scalePer === 'output';
  const factorOf = ({ weightPlane, inputPlane }: Batch, o: number): number =>
    planes[weightPlane].factor(o) * inputs.weights[inputPlane];
  // Where nothing is added any factor will do: one that is there anyway.
  const working = patternOf.findIndex((pattern) => patterns[pattern][0].weightPlane >= 0);
  const idle = working < 0 ? 1 : factorOf(patterns[patternOf[working]][0], outputAt[working * pe]);
  const steps = patternOf.flatMap((pattern, group) => {
    const outputs = outputAt.slice(group * pe, (group + 1) * pe);
    return patterns[pattern].map((batch, s) => {
      const { lanes } = batch;
      const taken = lanes.map(({ input, weightPlane }) => `${input}.${weightPlane}`).join();
      const weight = weightOf.of(`${group} ${taken}`);
      words[weight] ??= weightWord(planes, batch, outputs, simd);
      const factors = outputs
        .slice(0, factorPerPe ? pe : 1)
        .map((o) => (batch.weightPlane < 0 ? idle : factorOf(batch, o)));
      outputs.forEach((o, p) => {
        for (const { input, weightPlane } of lanes) {
          const plane = planes[weightPlane];
          if (plane.member(o, input) && !plane.positive(o, input))
            corrections[o] -= most * factors[factorPerPe ? p : 0];
        }
      });
      const own = depthwise ? group : 0;
      const operand = operandOf.of(`${own} ${operandKey(lanes)}`);
      operands[operand] ??= { group: own, lanes };
      return {
        weight,
        factors,
        group,
        operand,
        first: s === 0,
        last: s === patterns[pattern].length - 1,
      };
    });
  });
  const members = membersOf(words);
  const counts = { all: 0, rows: pe, each: pe * simd };
  return {
    schedule,
    width,
    members,
    steps,
    corrections,
    factorPerPe,
    weights: words.map((word) => packedWord(word, members, pe * simd)),
    weightBits: pe * simd + counts[members],
    factors: [...new Set(steps.flatMap(({ factors }) => factors))].sort((a, b) => a - b),
    operands,
  };
}

/** Bit p · SIMD + l is that of PE p and lane l. */
interface WeightWord {
  readonly signs: bigint;
  readonly members: bigint;
  /** Bit p where all lanes of PE p that are not idle are members; undefined where some are and others are not. */
  readonly rows: bigint | undefined;
  /** All lanes that are not idle are members. */
  readonly all: boolean;
}

function membersOf(words: readonly WeightWord[]): Members {
  if (words.every(({ all }) => all)) return 'all';
  return words.every(({ rows }) => rows !== undefined) ? 'rows' : 'each';
}

function packedWord({ signs, members, rows = 0n }: WeightWord, by: Members, lanes: number): bigint {
  if (by === 'all') return signs;
  return ((by === 'rows' ? rows : members) << BigInt(lanes)) | signs;
}

/** Idle lanes, and those that are no members, are as if their sign was plus. */
function weightWord(
  planes: readonly WeightPlane[],
  { lanes }: Batch,
  outputs: readonly number[],
  simd: number,
): WeightWord {
  const [signs, members, rows]: [string[], string[], string[]] = [[], [], []];
  let [all, uniform] = [true, true];
  for (const o of outputs) {
    let own = 0;
    for (let l = 0; l < simd; l++) {
      const lane = lanes[l];
      const member = lane !== undefined && planes[lane.weightPlane].member(o, lane.input);
      if (member) own++;
      members.push(member ? '1' : '0');
      signs.push(member && !planes[lane.weightPlane].positive(o, lane.input) ? '0' : '1');
    }
    all &&= own === lanes.length;
    uniform &&= own === lanes.length || own === 0;
    rows.push(own === lanes.length ? '1' : '0');
  }
  const word = (bits: string[]): bigint => BigInt(`0b${bits.reverse().join('')}`);
  return {
    signs: word(signs),
    members: word(members),
    rows: uniform ? word(rows) : undefined,
    all,
  };
}
