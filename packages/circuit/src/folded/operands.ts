import type { FoldSchedule } from './foldSchedule.ts';
import { noInput } from './lanesAtOnce.ts';
import { beatWidth } from './stream.ts';
import type { MatrixUnit } from './units.ts';

/** The inputs of an operand. */
export const operandEntries = ({ fold, atOnce }: FoldSchedule): number =>
  atOnce?.entries ?? fold.simd;

/** Where an operand's bits come from: positions, least significant first; −1 is a 0. */
type BitChoice = readonly number[];

/** The operands of a matrix whose outputs all read the same inputs, as bits of the window. */
export const operandsOf = ({ tables, matrix, input, inputs }: MatrixUnit): BitChoice[] =>
  tables.operands.map((lanes) =>
    operandOf(tables.schedule, inputs.width, lanes, (i, plane) => {
      const c = matrix.channelOf(0, i);
      const from = matrix.tapOf(i) * beatWidth(input) + input.offsets[c];
      return inputs.bits(c, plane).map((bit) => (bit < 0 ? bit : from + bit));
    }),
  );

/**
 * PE p of a depthwise layer first chooses the channel of the group that it works on. For each group, this lists the bits of
 * the window that are the channel's taps: tap after tap, within a tap plane after plane, within a plane bit after bit.
 */
export function channelTaps({ tables, matrix, input, inputs }: MatrixUnit, p: number): BitChoice[] {
  const { groups, fold, outputAt } = tables.schedule;
  return Array.from({ length: groups }, (_, group) => {
    const o = outputAt[group * fold.pe + p];
    const bits: number[] = [];
    for (let i = 0; i < matrix.inputs; i++) {
      const c = matrix.channelOf(o, i);
      const from = matrix.tapOf(i) * beatWidth(input) + input.offsets[c];
      inputs.weights.forEach((_, plane) => {
        const own = inputs.bits(c, plane);
        for (let j = 0; j < inputs.width; j++) bits.push((own[j] ?? -1) < 0 ? -1 : from + own[j]);
      });
    }
    return bits;
  });
}

/** After the channel, a depthwise layer chooses among operands. Their bits are positions in a list of `channelTaps`. */
export const tapOperands = ({ tables, inputs }: MatrixUnit): BitChoice[] =>
  tables.operands.map((lanes) =>
    operandOf(tables.schedule, inputs.width, lanes, (i, plane) =>
      Array.from(
        { length: inputs.width },
        (_, j) => (i * inputs.weights.length + plane) * inputs.width + j,
      ),
    ),
  );

function operandOf(
  schedule: FoldSchedule,
  width: number,
  lanes: MatrixUnit['tables']['operands'][number],
  bitsOf: (input: number, plane: number) => BitChoice,
): BitChoice {
  const bits = new Array<number>(operandEntries(schedule) * width).fill(-1);
  lanes.forEach(({ input, inputPlane }, l) => {
    if (input === noInput) return;
    bitsOf(input, inputPlane).forEach((bit, j) => {
      bits[l * width + j] = bit;
    });
  });
  return bits;
}
