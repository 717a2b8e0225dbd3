import { type IntegerWeights, rowLength } from '@hbnn/model';
import { KeyNumbers } from '../netlist/keyNumbers.ts';
import type { Form } from '../netlist/value.ts';
import type { Fold } from './folds.ts';
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

/** A cycle of a matrix unit: PE × SIMD weights of one plane, and the inputs' bits of one plane. */
interface Step {
  /** Which outputs, and which inputs. */
  readonly group: number;
  readonly part: number;
  /** −1 where nothing is to be added. */
  readonly weightPlane: number;
  readonly inputPlane: number;
}

export interface FoldSchedule {
  readonly fold: Fold;
  readonly groups: number;
  readonly parts: number;
  /** One place's cycles, group after group. */
  readonly steps: readonly Step[];
  /** Products of one bit of a weight and one of an input, over PE · SIMD: what cycles would be if planes could be packed. */
  readonly idealSteps: number;
}

/**
 * Say what a matrix unit does in each cycle of a place: planes only where some weight of the PE × SIMD has them, and
 * some input. A group without any has one cycle in which nothing is added.
 */
export function foldSchedule(
  matrix: WindowedMatrix,
  planes: readonly WeightPlane[],
  inputs: InputPlanes,
  fold: Fold,
): FoldSchedule {
  const groups = matrix.outputs / fold.pe;
  const parts = matrix.inputs / fold.simd;
  const steps: Step[] = [];
  for (let group = 0; group < groups; group++) {
    const before = steps.length;
    for (let part = 0; part < parts; part++) {
      const inputsHave = inputs.weights
        .map((_, j) => j)
        .filter((j) => someInput(matrix, inputs, fold, group, part, j));
      if (inputsHave.length === 0) continue;
      planes.forEach((plane, weightPlane) => {
        if (!someWeight(plane, fold, group, part)) return;
        for (const inputPlane of inputsHave) steps.push({ group, part, weightPlane, inputPlane });
      });
    }
    if (steps.length === before) steps.push({ group, part: 0, weightPlane: -1, inputPlane: 0 });
  }
  const idealSteps = products(matrix, planes, inputs) / (fold.pe * fold.simd);
  return { fold, groups, parts, steps, idealSteps };
}

function someWeight(plane: WeightPlane, { pe, simd }: Fold, group: number, part: number): boolean {
  for (let o = group * pe; o < (group + 1) * pe; o++)
    for (let i = part * simd; i < (part + 1) * simd; i++) if (plane.member(o, i)) return true;
  return false;
}

function someInput(
  { channelOf }: WindowedMatrix,
  inputs: InputPlanes,
  { pe, simd }: Fold,
  group: number,
  part: number,
  plane: number,
): boolean {
  for (let o = group * pe; o < (group + 1) * pe; o++)
    for (let i = part * simd; i < (part + 1) * simd; i++)
      if (inputs.bits(channelOf(o, i), plane).length > 0) return true;
  return false;
}

function products(
  { outputs, inputs: count, channelOf }: WindowedMatrix,
  planes: readonly WeightPlane[],
  inputs: InputPlanes,
): number {
  const channels = new Map<number, number>();
  const planesOf = (c: number): number => {
    const known =
      channels.get(c) ?? inputs.weights.filter((_, j) => inputs.bits(c, j).length > 0).length;
    channels.set(c, known);
    return known;
  };
  let sum = 0;
  for (const plane of planes)
    for (let o = 0; o < outputs; o++)
      for (let i = 0; i < count; i++) if (plane.member(o, i)) sum += planesOf(channelOf(o, i));
  return sum;
}

/** Contents of a matrix unit's memories, as numbers of any width. */
export interface MatrixTables {
  readonly schedule: FoldSchedule;
  /** Bits of an accumulator. */
  readonly width: number;
  /** Each PE × SIMD of one plane once: signs and, where some are no members, members. */
  readonly weights: readonly bigint[];
  readonly masked: boolean;
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
  /** What operands are: the inputs' part and plane; of a depthwise layer the outputs' group too. */
  readonly operands: readonly {
    readonly group: number;
    readonly part: number;
    readonly plane: number;
  }[];
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
  const { fold } = schedule;
  const { pe, simd } = fold;
  const corrections = new Array<number>(matrix.outputs).fill(0);
  const most = 2 ** inputs.width - 1;
  const operandOf = new KeyNumbers();
  const weightOf = new KeyNumbers();
  const words: { signs: bigint; members: bigint }[] = [];
  const depthwise = matrix.layer.kind === 'depthwise';
  const factorPerPe =
    matrix.layer.weights.kind === 'planes' && matrix.layer.weights.scalePer === 'output';
  // Where nothing is added any factor will do: one that is there anyway.
  const working = schedule.steps.find(({ weightPlane }) => weightPlane >= 0);
  const idle =
    working === undefined
      ? 1
      : planes[working.weightPlane].factor(working.group * pe) * inputs.weights[working.inputPlane];
  const steps = schedule.steps.map((step, s) => {
    const { group, part, weightPlane, inputPlane } = step;
    const plane = planes[weightPlane];
    const weight = weightOf.of(`${group},${part},${weightPlane}`);
    words[weight] ??= weightWord(plane, fold, group, part);
    const factors = Array.from({ length: factorPerPe ? pe : 1 }, (_, p) =>
      plane === undefined ? idle : plane.factor(group * pe + p) * inputs.weights[inputPlane],
    );
    for (let p = 0; p < pe && plane !== undefined; p++) {
      const o = group * pe + p;
      for (let i = part * simd; i < (part + 1) * simd; i++)
        if (plane.member(o, i) && !plane.positive(o, i))
          corrections[o] -= most * factors[factorPerPe ? p : 0];
    }
    return {
      weight,
      factors,
      group,
      operand: operandOf.of(`${depthwise ? group : 0},${part},${inputPlane}`),
      first: schedule.steps[s - 1]?.group !== group,
      last: schedule.steps[s + 1]?.group !== group,
    };
  });
  const all = (1n << BigInt(pe * simd)) - 1n;
  const masked = words.some(({ members }) => members !== all);
  return {
    schedule,
    width,
    masked,
    steps,
    corrections,
    factorPerPe,
    weights: words.map(({ signs, members }) =>
      masked ? (members << BigInt(pe * simd)) | signs : signs,
    ),
    factors: [...new Set(steps.flatMap(({ factors }) => factors))].sort((a, b) => a - b),
    operands: operandOf.keys.map((key) => {
      const [group, part, plane] = key.split(',').map(Number);
      return { group, part, plane };
    }),
  };
}

/** Bit p · SIMD + i is that of output p and input i. */
function weightWord(
  plane: WeightPlane | undefined,
  { pe, simd }: Fold,
  group: number,
  part: number,
): { signs: bigint; members: bigint } {
  const bits = (is: (o: number, i: number) => boolean): bigint => {
    let text = '';
    for (let p = pe - 1; p >= 0; p--)
      for (let i = simd - 1; i >= 0; i--) text += is(group * pe + p, part * simd + i) ? '1' : '0';
    return BigInt(`0b${text}`);
  };
  if (plane === undefined) return { signs: 0n, members: 0n };
  return {
    signs: bits((o, i) => plane.member(o, i) && plane.positive(o, i)),
    members: bits(plane.member),
  };
}
