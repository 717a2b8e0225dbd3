import { balancedMapBits } from './balanced.ts';
import { countBits } from './bitMap.ts';
import { unitsOf } from './granularity.ts';
import type { ResidualTensor } from './residual.ts';

/**
 * Count what a binarized tensor takes to store, in bits.
 *
 * - signs: Σ bits over elements
 * - mapEntropy: units · −Σ p_b log2 p_b, the least that a code of the map's bitwidths can take; p_b is
 *   the share of the units, whatever their sizes
 * - mapStored: units · ceil(log2(number of different bitwidths)), a fixed-width code; for a balanced map, Σ over its
 *   groups of ceil(log2(arrangements of the group's bitwidths))
 * - scales: 32 per scale (planes × 1 or outputs)
 * - total: signs + mapStored + scales
 *
 * A unit is what shares one bitwidth (an element where the map does not say otherwise).
 */
export function storedBits(r: ResidualTensor): {
  signs: number;
  mapEntropy: number;
  mapStored: number;
  scales: number;
  total: number;
} {
  const counts = countBits(r.map.bits);
  const signs = counts.reduce((sum, count, bits) => sum + count * bits, 0);
  const unitBits = bitsOfUnits(r);
  const units = unitBits.length;
  const used = countBits(unitBits).filter((count) => count > 0);
  const mapEntropy = used.reduce((sum, count) => sum - count * Math.log2(count / units), 0);
  const mapStored =
    r.map.balance === undefined
      ? units * Math.ceil(Math.log2(used.length))
      : balancedMapBits(r.map.bits, r.shape, r.layout, r.map.balance);
  const scales = 32 * r.planes.reduce((sum, plane) => sum + plane.scales.length, 0);
  return { signs, mapEntropy, mapStored, scales, total: signs + mapStored + scales };
}

/** The bitwidth of each unit, as they are stored. */
function bitsOfUnits({ map, shape, layout }: ResidualTensor): Uint8Array {
  if (!map.mapPer || map.mapPer === 'element') return map.bits;
  const { count, of } = unitsOf(shape, layout, map.mapPer);
  const found = new Uint8Array(count);
  for (let i = 0; i < of.length; i++) found[of[i]] = map.bits[i];
  return found;
}
