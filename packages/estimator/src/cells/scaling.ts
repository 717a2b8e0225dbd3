import { HbnnError } from '@hbnn/core';

/** A process: energy per switch at a supply voltage is a·V² + b·V + c, and an area relative to 45 nm. */
interface Node {
  readonly nm: number;
  /** Stillmaker & Baas 2017, high-performance models below 65 nm. */
  readonly energy: readonly [a: number, b: number, c: number];
  readonly usualVoltageV: number;
  readonly area: number;
}

/**
 * Coefficients of Stillmaker & Baas, "Scaling equations for the accurate prediction of CMOS device performance from
 * 180 nm to 7 nm" (Integration, 2017), and their area factors: 65 to 45 nm 0.66, 180 to 45 nm 0.053, below as printed.
 * Other nodes, 28 nm among them, are not in its tables.
 */
const nodes: readonly Node[] = [
  { nm: 180, energy: [24.64, -17.98, 0], usualVoltageV: 1.8, area: 1 / 0.053 },
  { nm: 65, energy: [3.755, -4.398, 1.975], usualVoltageV: 1.1, area: 1 / 0.66 },
  { nm: 45, energy: [1.018, -0.3107, 0.1539], usualVoltageV: 0.9, area: 1 },
  { nm: 32, energy: [0.8367, -0.4341, 0.1701], usualVoltageV: 0.9, area: 0.46 },
  { nm: 20, energy: [0.373, -0.1582, 0.04104], usualVoltageV: 0.8, area: 0.21 },
  { nm: 16, energy: [0.2958, -0.1241, 0.03024], usualVoltageV: 0.8, area: 0.19 },
  { nm: 14, energy: [0.2363, -0.09675, 0.02239], usualVoltageV: 0.8, area: 0.17 },
  { nm: 10, energy: [0.2068, -0.09311, 0.02375], usualVoltageV: 0.75, area: 0.1 },
  { nm: 7, energy: [0.1776, -0.09097, 0.02447], usualVoltageV: 0.7, area: 0.059 },
];

/** The processes that scaling knows, in nanometres. */
export const scalingNodes: readonly number[] = nodes.map(({ nm }) => nm);

function node(nm: number): Node {
  const found = nodes.find((eachNode) => eachNode.nm === nm);
  if (found === undefined)
    throw new HbnnError(
      `node: expected one of ${scalingNodes.join(', ')} nm, got ${nm}; no scaling factor is published for others`,
    );
  return found;
}

/** The supply voltage that a process usually has. @throws HbnnError for an unknown process */
export const usualVoltage = (nm: number): number => node(nm).usualVoltageV;

/**
 * The energy of a switch in one process relative to another: E(V) / E'(V').
 *
 * @throws HbnnError for an unknown process, or a voltage at which the fit gives no energy
 */
export function energyFactor(
  from: { readonly nm: number; readonly voltageV: number },
  to: { readonly nm: number; readonly voltageV: number },
): number {
  const energy = ({ nm, voltageV }: { nm: number; voltageV: number }): number => {
    const [a, b, c] = node(nm).energy;
    const value = a * voltageV ** 2 + b * voltageV + c;
    if (Number.isFinite(value) && voltageV > 0 && value > 0) return value;
    throw new HbnnError(
      `voltage: expected a supply of a ${nm} nm process, got ${voltageV} V; give a voltage that such a process runs at`,
    );
  };
  return energy(to) / energy(from);
}

/** The area of a circuit in one process relative to another. @throws HbnnError for an unknown process */
export const areaFactor = (fromNm: number, toNm: number): number =>
  node(toNm).area / node(fromNm).area;
