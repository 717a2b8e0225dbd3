import type * as tfl from '@tensorflow/tfjs-layers';
import { parametersOf } from '../parameters.ts';

/** What one layer with weights holds and does for one image. */
export interface LayerCount {
  readonly name: string;
  readonly outputShape: readonly number[];
  /** Trained parameters. */
  readonly parameters: number;
  /** Multiply-accumulates of the layer's products. */
  readonly macs: number;
}

/**
 * Count trained parameters and multiply-accumulates per image. MACs are those of convolutions and dense
 * layers: output positions × kernel elements (positions in padding count, as is usual).
 */
export function countNetwork(model: tfl.LayersModel): {
  layers: LayerCount[];
  parameters: number;
  macs: number;
} {
  const all = parametersOf(model).filter(({ trainable }) => trainable);
  const layers = model.layers.flatMap((layer): LayerCount[] => {
    const own = all.filter(({ name }) => name.startsWith(`${layer.name}/`));
    if (own.length === 0) return [];
    const outputShape = (layer.outputShape as tfl.Shape).slice(1) as number[];
    const kernel = own.find(({ decay }) => decay)?.variable;
    const positions = outputShape.length === 3 ? outputShape[0] * outputShape[1] : 1;
    return [
      {
        name: layer.name,
        outputShape,
        parameters: own.reduce((sum, { variable }) => sum + variable.size, 0),
        macs: kernel === undefined ? 0 : positions * kernel.size,
      },
    ];
  });
  const total = (of: (layer: LayerCount) => number): number =>
    layers.reduce((sum, layer) => sum + of(layer), 0);
  return { layers, parameters: total((l) => l.parameters), macs: total((l) => l.macs) };
}
