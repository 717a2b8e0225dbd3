import type { FoldSchedule } from './foldSchedule.ts';
import { noInput } from './lanesAtOnce.ts';
import { countBits } from './roms.ts';
import { beatWidth } from './stream.ts';
import type { MatrixUnit } from './units.ts';

/** The inputs of an operand. */
export const operandEntries = ({ fold, atOnce }: FoldSchedule): number =>
  atOnce?.entries ?? fold.simd;

/**
 * Every operand that PE p works on, each as the window's bits that it is made of, least significant first; −1 is a 0. A
 * depthwise layer has those of each group, one group after the other.
 */
export function operandsOf(unit: MatrixUnit, p: number): (readonly number[])[] {
  const { tables, matrix } = unit;
  const { schedule, operands } = tables;
  if (matrix.layer.kind !== 'depthwise')
    return operands.map((lanes) => operandOf(unit, lanes, schedule.outputAt[p]));
  const slots = 2 ** countBits(operands.length - 1);
  return Array.from({ length: schedule.groups * slots }, (_, at) => {
    const o = schedule.outputAt[Math.floor(at / slots) * schedule.fold.pe + p];
    return operandOf(unit, operands[at % slots] ?? [], o);
  });
}

function operandOf(
  { tables, matrix, input, inputs }: MatrixUnit,
  lanes: MatrixUnit['tables']['operands'][number],
  o: number,
): readonly number[] {
  const bits = new Array<number>(operandEntries(tables.schedule) * inputs.width).fill(-1);
  lanes.forEach(({ input: i, inputPlane }, l) => {
    if (i === noInput) return;
    const c = matrix.channelOf(o, i);
    const from = matrix.tapOf(i) * beatWidth(input) + input.offsets[c];
    inputs.bits(c, inputPlane).forEach((bit, j) => {
      if (bit >= 0) bits[l * inputs.width + j] = from + bit;
    });
  });
  return bits;
}
