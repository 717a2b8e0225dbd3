import { type Fabric, fabrics } from '@hbnn/circuit';
import type { StepCounts, StepGroup } from './steps.ts';

/**
 * The parts that a step's area is made of in a circuit, one per coefficient.
 *
 * @param adderGates of `adders`: gate equivalents of the library's cell that adds three bits
 */
export function partsOf(step: StepGroup, c: StepCounts, circuit: Fabric, adderGates = 0): number[] {
  if (step === 'largest') return [c.tournament];
  if (fabrics[circuit].style === 'xc7') return tableParts(step, c);
  const tables = fabrics[circuit].tableInputs > 0;
  const adders = 2 * c.fullAdders + c.halfAdders;
  const gates = simpleGates(c);
  // A half adder is 2 to 3.4 plain gates, in scores 2.7: too few were measured of gates alone to fit both.
  switch (step) {
    case 'layer':
    case 'sumPool':
      if (circuit === 'adders')
        return [adderGates * c.fullAdders, c.fullAdders, 3.4 * c.halfAdders + gates];
      if (tables) {
        const others = c.halfAdders + c.ands + c.xors + c.inverters;
        return step === 'layer' ? [c.fullAdders, others, c.tables] : [c.fullAdders, others];
      }
      return step === 'layer' ? [c.fullAdders, 2 * c.halfAdders + gates] : [adders + gates];
    case 'threshold':
      return [c.comparisons, tables ? c.tables : gates];
    case 'maxPool':
      return tables ? [c.tables, carried(c)] : [adders, gates];
    case 'requantize':
    case 'scores':
      return tables ? [c.tables] : [2.7 * adders + gates];
    default:
      return step satisfies never;
  }
}

/** Gates beside adders in plain ones: about what cell libraries have them take. */
const simpleGates = ({ ands, xors, choices, inverters }: StepCounts): number =>
  1.2 * ands + 1.8 * xors + 2.2 * choices + 0.75 * inverters;

/** The parts that counters, chains and tables make up. */
function tableParts(step: Exclude<StepGroup, 'largest'>, c: StepCounts): number[] {
  switch (step) {
    case 'layer':
      // Full adders of heaps: those of netlists are among the tables.
      return [c.counters, c.chainPlaces, c.tables, c.fullAdders];
    case 'sumPool':
      return [2 * c.counters + c.chainPlaces + c.tables];
    case 'threshold':
      return [c.comparisons, c.tables];
    case 'maxPool':
      return [c.chainPlaces + c.tables, carried(c)];
    case 'requantize':
    case 'scores':
      return [2 * c.counters + c.chainPlaces + c.tables];
    default:
      return step satisfies never;
  }
}

/** Bits of a maximum whose comparison depends on lower bits: all but the lowest two. */
const carried = ({ xors, ands }: StepCounts): number => Math.max(0, xors - 2 * ands);
