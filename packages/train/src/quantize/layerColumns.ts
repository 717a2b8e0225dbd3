/**
 * How the weights of a layer fall into columns: core's order, outputs last, so that weight i belongs to output
 * i mod outputs and to the input i div outputs.
 *
 * A layer whose outputs all see the same inputs has one Hessian X̂ᵀX̂ for all outputs; a depthwise one has one for each.
 */
export interface ScaleGroupView {
  readonly inputs: number;
  readonly outputs: number;
  /** Whether each output has inputs of its own, as in a depthwise convolution. */
  readonly depthwise: boolean;
  /** Where the importance of weight i lies among those of the inputs. */
  readonly importanceAt: (i: number) => number;
}

/** @param count weights of the layer */
export function columnsOf(count: number, outputs: number, depthwise: boolean): ScaleGroupView {
  const inputs = count / outputs;
  const importanceAt = depthwise
    ? (i: number): number => i
    : (i: number): number => Math.floor(i / outputs);
  return { inputs, outputs, depthwise, importanceAt };
}
