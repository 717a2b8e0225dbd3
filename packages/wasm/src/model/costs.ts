import type { ProductKernelName } from './modelKernels.ts';

/** What a product costs by: sizes of a batch. */
export interface ProductSize {
  readonly outputs: number;
  /** Inputs of one output. */
  readonly row: number;
  /** Output pixels of the whole batch. */
  readonly pixels: number;
  /** Tables of one output, over all planes, and their runs within int8. */
  readonly places: number;
  readonly runs: number;
}

/** Steps of the inner loops as multiples of one load, multiply and add of a vector: counted instructions, not timings. */
const steps = { dot: 1, wide: 1.3, lookup: 1.1, widen: 1.5, gather: 0.8, sum: 4 } as const;

const tiles = (n: number, tile: number): number => Math.ceil(n / tile);

/** About how much a kernel has to do for a product; the least is chosen, the same on every machine. */
export function costOf(kernel: ProductKernelName, size: ProductSize): number {
  const { outputs, row, pixels, places, runs } = size;
  const fours = 4 * tiles(outputs, 4);
  const gathered = steps.gather * row * pixels;
  switch (kernel) {
    case 'pairs':
      return fours * tiles(row, 2) * 2 * tiles(pixels, 8) * steps.dot + gathered;
    case 'rows':
      return fours * pixels * (tiles(row, 8) * steps.dot + steps.sum) + gathered;
    case 'wide':
      return fours * row * 2 * tiles(pixels, 8) * steps.wide + gathered;
    case 'lookup': {
      const vectors = tiles(pixels, 16);
      const each = places * steps.lookup + runs * steps.widen + steps.sum;
      return outputs * vectors * each + places * vectors;
    }
    default:
      return kernel satisfies never;
  }
}
