import { styleOf, tableInputsOf, type UnrolledCircuit } from './unrolledCoefficients.ts';
import type { StepCounts } from './unrolledCounts.ts';

/** Kinds of steps that share coefficients. */
export const stepGroups = [
  'layer',
  'threshold',
  'maxPool',
  'sumPool',
  'requantize',
  'scores',
  'largest',
] as const;
export type StepGroup = (typeof stepGroups)[number];

export const groupOf = (kind: StepCounts['kind']): StepGroup =>
  kind === 'conv' || kind === 'depthwise' || kind === 'dense' ? 'layer' : kind;

/**
 * The parts that a step's area is made of in a circuit, one per coefficient.
 *
 * @param adderGates of `adders`: gate equivalents of the library's cell that adds three bits
 */
export function partsOf(
  step: StepGroup,
  c: StepCounts,
  circuit: UnrolledCircuit,
  adderGates = 0,
): number[] {
  if (step === 'largest') return [c.comparedBits, c.chosenBits];
  if (styleOf[circuit] === 'xc7') return tableParts(step, c);
  const adders = 2 * c.fullAdders + c.halfAdders;
  const gates = c.ands + c.xors;
  const tables = tableInputsOf[circuit] > 0;
  switch (step) {
    case 'layer':
    case 'sumPool': {
      const small = gates + c.inverters;
      if (circuit === 'adders')
        return [adderGates * c.fullAdders, c.fullAdders, c.halfAdders, small];
      if (step === 'sumPool' || tables) return [c.fullAdders, c.halfAdders + small];
      return [c.fullAdders, c.halfAdders, small];
    }
    case 'threshold':
      return tables ? [c.tables, c.ands] : [c.ands, c.choices];
    case 'maxPool':
      return tables ? [c.tables, carried(c)] : [adders + c.ands, carried(c)];
    case 'requantize':
      return tables ? [c.tables] : [adders, gates];
    case 'scores':
      return tables ? [c.tables] : [c.fullAdders + c.halfAdders, gates];
    default:
      return step satisfies never;
  }
}

/** Of counters, chains and tables. */
function tableParts(step: Exclude<StepGroup, 'largest'>, c: StepCounts): number[] {
  switch (step) {
    case 'layer':
      // Full adders of heaps: those of netlists are among the tables.
      return [c.counters, c.chainPlaces, c.tables, c.fullAdders];
    case 'sumPool':
      return [2 * c.counters + c.chainPlaces + c.tables];
    case 'threshold':
      return [c.tables];
    case 'maxPool':
      return [c.chainPlaces + c.tables, carried(c)];
    case 'requantize':
    case 'scores':
      return [2 * c.counters + c.chainPlaces + c.tables];
    default:
      return step satisfies never;
  }
}

/** Of the larger of numbers: bits beyond the lowest two, whose comparison waits for that of lower ones. */
const carried = ({ xors, ands }: StepCounts): number => Math.max(0, xors - 2 * ands);
