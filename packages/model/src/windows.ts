import type { FeatureShape, Padding4, Pair } from './integerModel.ts';

/** A window that is laid over a feature map, step by step. */
export interface Window {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly padding: Padding4;
}

/** No padding: the window stays within the feature map. */
export const noPadding: Padding4 = [0, 0, 0, 0];

/** A tap of a window, i · (kernel's width) + j, and the input's pixel under it, y · (input's width) + x. */
export interface WindowTap {
  readonly tap: number;
  readonly pixel: number;
}

/** The row or column of the input under row or column `tap` of the window at an output's row or column `at`. */
export const underTap = (window: Window, axis: 0 | 1, at: number, tap: number): number =>
  at * window.strides[axis] + tap - window.padding[axis];

/** The rows or columns [from, end) of the input under the window at an output's row or column, those beyond cut off. */
export function spanUnder(
  window: Window,
  input: FeatureShape,
  axis: 0 | 1,
  at: number,
): readonly [from: number, end: number] {
  const from = underTap(window, axis, at, 0);
  return [Math.max(from, 0), Math.min(from + window.kernel[axis], input[axis])];
}

/** The taps of the window at the output's pixel (y, x) that lie within the input, row by row. */
export function windowTaps(window: Window, input: FeatureShape, y: number, x: number): WindowTap[] {
  const [height, width] = window.kernel;
  const taps: WindowTap[] = [];
  for (let i = 0; i < height; i++) {
    const inY = underTap(window, 0, y, i);
    if (inY < 0 || inY >= input[0]) continue;
    for (let j = 0; j < width; j++) {
      const inX = underTap(window, 1, x, j);
      if (inX < 0 || inX >= input[1]) continue;
      taps.push({ tap: i * width + j, pixel: inY * input[1] + inX });
    }
  }
  return taps;
}

/** The window of a layer that lays one. */
export function windowOf(
  layer:
    | {
        readonly kind: 'conv' | 'depthwise';
        readonly weights: { readonly shape: readonly number[] };
        readonly strides: Pair;
        readonly padding: Padding4;
      }
    | {
        readonly kind: 'maxPool';
        readonly size: Pair;
        readonly strides: Pair;
        readonly padding: Padding4;
      }
    | { readonly kind: 'sumPool'; readonly size: Pair; readonly strides: Pair },
): Window {
  const { strides } = layer;
  if (layer.kind === 'sumPool') return { kernel: layer.size, strides, padding: noPadding };
  if (layer.kind === 'maxPool') return { kernel: layer.size, strides, padding: layer.padding };
  const [, height, width] = layer.weights.shape;
  return { kernel: [height, width], strides, padding: layer.padding };
}
