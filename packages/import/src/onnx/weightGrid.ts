import { maxWeightCode, type WeightGrids } from '@hbnn/train';
import type { Constant } from './constant.ts';

export type LayerGrid = WeightGrids[string];

/** How far a value may lie beside a whole number of scales: what float32 leaves. */
const slack = 2 ** -14;

/**
 * The whole numbers that weights were quantized to, as a layer has them: with one scale for each output.
 *
 * @param weights with their outputs along one axis
 * @returns undefined where no quantizer gave the weights, and what is at fault where no integer layer has such numbers
 */
export function gridOf({ shape, data, quantized }: Constant, axis: number): LayerGrid | undefined {
  if (quantized === undefined) return undefined;
  const { bits, scales } = quantized;
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const outputOf = (i: number): number => Math.floor(i / inner) % shape[axis];
  const perOutput = new Array<number>(shape[axis]).fill(Number.NaN);
  for (let i = 0; i < data.length; i++) {
    const [scale, o] = [scales[i], outputOf(i)];
    if (Number.isNaN(perOutput[o])) perOutput[o] = scale;
    if (perOutput[o] !== scale)
      return {
        fault: `expected quantized weights with one scale for each output, got ${perOutput[o]} and ${scale} for output ${o}`,
      };
    const code = scale === 0 ? 0 : data[i] / scale;
    const whole = Math.round(code);
    if (Math.abs(code - whole) > slack)
      return {
        fault: `expected quantized weights that are whole numbers of their scale, got ${code} for output ${o}, as a zero point that is no whole number gives`,
      };
    if (Math.abs(whole) > maxWeightCode)
      return {
        fault: `expected quantized weights from −${maxWeightCode} to ${maxWeightCode}, less their zero point, got ${whole} for output ${o}`,
      };
  }
  const isShared = perOutput.every((scale) => scale === perOutput[0]);
  return { bits: Math.min(bits, 8), scales: isShared ? [perOutput[0]] : perOutput };
}
