import type { Form } from '@hbnn/circuit';
import { pixelTables4 } from './measuredParts.ts';

const pixelBits = 8;

/** Tables of four inputs that are the fewest for x >= threshold, x of eight bits. */
function fewest(threshold: number): number {
  const bits = pixelBits - (31 - Math.clz32(threshold & -threshold));
  return Math.ceil((bits - 1) / 3);
}

const isPixel = ({ weights }: Form): boolean =>
  weights.length === pixelBits && weights.every((weight, i) => weight === 2 ** i);

/** Tables of four inputs beyond the fewest that x >= threshold takes, x a pixel. */
export function beyondFewest(form: Form, threshold: number): number {
  const at = threshold - form.base;
  if (!isPixel(form) || at <= 0 || at >= 2 ** pixelBits) return 0;
  return Number(pixelTables4[at - 1]) - fewest(at);
}
