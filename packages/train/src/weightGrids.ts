import { type FloatTensor, HbnnError } from '@hbnn/core';
import {
  maxWeightCode,
  type TrainedLayer,
  type TrainedWeights,
  type WeightCodes,
} from '@hbnn/model';
import type * as tfl from '@tensorflow/tfjs-layers';
import { isModel } from './layerConfig.ts';

/** How a layer's weights were quantized before the network was imported: each is a scale times a whole number. */
export interface WeightGrid {
  /** Bits of the whole numbers, 1 … 8. */
  readonly bits: number;
  /** One for all outputs, or one for each; 0 where all weights are 0. */
  readonly scales: readonly number[];
}

/** Why whole numbers that a file has cannot become those of an integer layer: what was expected and what came. */
interface UnfitGrid {
  readonly fault: string;
}

/** Grids by the name of their layer. */
export type WeightGrids = Readonly<Record<string, WeightGrid | UnfitGrid>>;

const field = 'hbnnWeightGrids';

/** Say how weights of some layers were quantized; it stays with the model, and with what `binarize` makes of it. */
export function setWeightGrids(model: tfl.LayersModel, grids: WeightGrids): void {
  if (Object.keys(grids).length === 0) return;
  const others = model.getUserDefinedMetadata() as object | undefined;
  model.setUserDefinedMetadata({ ...others, [field]: grids });
}

/** Take the weights of all layers as floats, whatever quantized them before. */
export function forgetWeightGrids(model: tfl.LayersModel): void {
  const { [field]: _, ...others } = (model.getUserDefinedMetadata() ?? {}) as Record<
    string,
    object
  >;
  model.setUserDefinedMetadata(others);
}

/** How weights of a model's layers were quantized, those of models inside it too. */
export function weightGridsOf(model: tfl.LayersModel): WeightGrids {
  const inside = model.layers.filter(isModel).map((layer) => weightGridsOf(layer));
  const metadata = model.getUserDefinedMetadata() as Record<string, WeightGrids> | undefined;
  return Object.assign({}, ...inside, metadata?.[field]);
}

/**
 * Give a layer's float weights as the whole numbers that they were quantized to.
 *
 * @param note called with a sentence where the weights have moved since
 * @throws HbnnError naming a layer whose whole numbers no integer layer has
 */
export function withCodes(
  layers: readonly TrainedLayer[],
  name: string,
  grids: WeightGrids,
  note: (text: string) => void,
): TrainedLayer[] {
  const grid = Object.hasOwn(grids, name) ? grids[name] : undefined;
  if (grid === undefined) return [...layers];
  return layers.map((layer) => {
    if (!('weights' in layer) || layer.weights.kind !== 'float') return layer;
    return { ...layer, weights: onGrid(name, layer.weights, grid, note) };
  });
}

function onGrid(
  name: string,
  weights: Extract<TrainedWeights, { kind: 'float' }>,
  grid: WeightGrid | UnfitGrid,
  note: (text: string) => void,
): TrainedWeights {
  if ('fault' in grid)
    throw new HbnnError(
      `layer '${name}': exportModel ${grid.fault}; quantize the weights so and export the network again, or import it with forgetCodes (hbnn import --forget-codes), so that hbnn lower quantizes them anew`,
    );
  const codes = codesOf(weights.tensor, grid);
  if (codes !== undefined) return { kind: 'codes', codes };
  note(
    `layer '${name}': its weights have changed since they were quantized, so that they get new whole numbers of 8 bits; lower the network before it is trained to keep those of its file`,
  );
  return weights;
}

/** How far a weight may lie beside a whole number of scales: what float32 leaves of a product with a number up to 255. */
const slack = 2 ** -14;

/** The whole numbers of weights, outputs first; undefined where a weight lies between two of them. */
function codesOf({ shape, data }: FloatTensor, grid: WeightGrid): WeightCodes | undefined {
  const outputs = shape[0];
  const row = data.length / outputs;
  const scales = Float64Array.from({ length: outputs }, (_, o) => grid.scales[o] ?? grid.scales[0]);
  const values = new Int16Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const scale = scales[Math.floor(i / row)];
    const steps = scale === 0 ? data[i] : data[i] / scale;
    const value = scale === 0 ? 0 : Math.round(steps);
    if (!(Math.abs(steps - value) <= slack) || Math.abs(value) > maxWeightCode) return undefined;
    values[i] = value;
  }
  return { shape, values, bits: grid.bits, scales };
}
