import { type CheckedModel, type ModelSize, weightCount } from '@hbnn/model';

/** A model's file beside what the same weights take as float32 and at 1 and 2 bits each, without anything else. */
export interface ModelSizes {
  readonly weights: number;
  readonly bytes: number;
  readonly float32Bytes: number;
  readonly oneBitBytes: number;
  readonly twoBitBytes: number;
  /** float32Bytes / bytes. */
  readonly smallerThanFloat32: number;
  readonly bitsPerWeight: number;
}

/** Compare a model file's size with others of the same weights. */
export function modelSizes(model: CheckedModel, bytes: number): ModelSizes {
  const weights = weightCount(model);
  const rounded = (value: number): number => Number(value.toFixed(3));
  return {
    ...{ weights, bytes, float32Bytes: 4 * weights },
    ...{ oneBitBytes: Math.ceil(weights / 8), twoBitBytes: Math.ceil(weights / 4) },
    smallerThanFloat32: rounded((4 * weights) / bytes),
    bitsPerWeight: rounded((8 * bytes) / weights),
  };
}

/** What the parts of a file take. */
export const partSizes = (size: ModelSize): Record<string, number> => ({
  ...{ mapBytes: size.maps, signBytes: size.signs, int8Bytes: size.bytes },
  ...{ headerBytes: size.header, restBytes: size.rest },
});
