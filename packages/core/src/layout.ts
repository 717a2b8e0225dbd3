import { HbnnError } from './error.ts';
import { checkShape } from './tensor.ts';

/**
 * Where the outputs, kernel positions and inputs of a weight tensor are; data is row-major either way.
 *
 * - `outputs-first` (core's own): [outputs, kernelH, kernelW, inputs], [outputs, positions, inputs] or [outputs, inputs]
 * - `outputs-last` (TensorFlow): [kernelH, kernelW, inputs, outputs], [positions, inputs, outputs] or [inputs, outputs]
 *
 * A 1-d tensor is one output of that many inputs in both.
 */
export type Layout = 'outputs-first' | 'outputs-last';

export const layouts: readonly Layout[] = ['outputs-first', 'outputs-last'];

/**
 * A tensor's axes by their part in a layer. Element (output, position, input) lies at
 * `output * outputStride + (position * inputs + input) * restStride`.
 */
export interface Geometry {
  readonly outputs: number;
  /** Kernel positions: kernelH · kernelW, 1 for a dense layer. */
  readonly positions: number;
  readonly inputs: number;
  readonly outputStride: number;
  readonly restStride: number;
}

/**
 * Read a shape under a layout.
 *
 * @throws HbnnError when the shape has not 1 to 4 dimensions, or the layout is unknown
 */
export function geometry(shape: readonly number[], layout: Layout, where = 'layout'): Geometry {
  checkShape(shape, where);
  if (!layouts.includes(layout))
    throw new HbnnError(
      `${where}: expected layout ${layouts.join(' or ')}, got '${String(layout)}'; pass one of these`,
    );
  if (shape.length === 1)
    return { outputs: 1, positions: 1, inputs: shape[0], outputStride: shape[0], restStride: 1 };
  const first = layout === 'outputs-first';
  const rest = first ? shape.slice(1) : shape.slice(0, -1);
  const outputs = first ? shape[0] : shape[shape.length - 1];
  const inputs = rest[rest.length - 1];
  const positions = rest.slice(0, -1).reduce((product, size) => product * size, 1);
  return {
    outputs,
    positions,
    inputs,
    outputStride: first ? positions * inputs : 1,
    restStride: first ? 1 : outputs,
  };
}
