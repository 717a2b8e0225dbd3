import { HbnnError } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { singleInput, singleShape } from './context.ts';
import { padded, type ZeroPadding } from './zeroPadding.ts';

interface PaddedPoolConfig {
  readonly name?: string;
  readonly poolSize: readonly [number, number];
  readonly strides: readonly [number, number];
  /** How far windows reach beyond the map: [[top, bottom], [left, right]], each less than the window. */
  readonly padding: ZeroPadding;
}

/** The values beyond the map. They are below all that a network computes, and finite: 0 times infinity is no number. */
const belowAll = -3.4e38;

/** @throws HbnnError naming the layer, for a window that may see no value, and for sizes that are none */
function checkReach(
  name: string,
  poolSize: readonly number[],
  strides: readonly number[],
  padding: ZeroPadding,
): void {
  const isWhole = (n: number, least: number): boolean => Number.isSafeInteger(n) && n >= least;
  const fits = [0, 1].every(
    (axis) =>
      isWhole(poolSize[axis], 1) &&
      isWhole(strides[axis], 1) &&
      padding[axis].every((n) => isWhole(n, 0) && n < poolSize[axis]),
  );
  if (fits) return;
  throw new HbnnError(
    `${name}: expected poolSize and strides of at least 1 and padding from 0 up to less than the window, got poolSize [${poolSize.join(', ')}], strides [${strides.join(', ')}] and padding ${JSON.stringify(padding)}; give whole numbers like these`,
  );
}

/** A pool whose windows reach beyond the edges of the map, where there are no values: tf.layers has 'same' alone. */
abstract class PaddedPool extends tfl.layers.Layer {
  readonly poolSize: [number, number];
  readonly strides: [number, number];
  readonly padding: ZeroPadding;

  constructor({ poolSize, strides, padding, ...layer }: PaddedPoolConfig) {
    super(layer);
    checkReach(this.name, poolSize, strides, padding);
    this.poolSize = [...poolSize];
    this.strides = [...strides];
    this.padding = padding;
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    const [batch, height, width, channels] = singleShape(inputShape);
    const along = (axis: 0 | 1, size: number | null): number | null =>
      size === null ? null : this.outputsAlong(axis, size);
    return [batch, along(0, height), along(1, width), channels];
  }

  private outputsAlong(axis: 0 | 1, size: number): number {
    const [before, after] = this.padding[axis];
    return Math.floor((size + before + after - this.poolSize[axis]) / this.strides[axis]) + 1;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => this.pool(singleInput(inputs) as tf.Tensor4D));
  }

  protected abstract pool(x: tf.Tensor4D): tf.Tensor4D;

  /** How many values the window of each row, or of each column, sees. */
  protected seenAlong(axis: 0 | 1, size: number): number[] {
    const [before] = this.padding[axis];
    return Array.from({ length: this.outputsAlong(axis, size) }, (_, i) => {
      const start = i * this.strides[axis] - before;
      return Math.min(size, start + this.poolSize[axis]) - Math.max(0, start);
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const padding = this.padding.map((ends) => [...ends]);
    const { poolSize, strides } = this;
    return { ...super.getConfig(), poolSize, strides, padding };
  }
}

/** The largest value that each window sees. */
export class PaddedMaxPooling2D extends PaddedPool {
  static readonly className = 'HbnnMaxPooling2D';

  protected override pool(x: tf.Tensor4D): tf.Tensor4D {
    const [rows, columns] = this.padding.map(([before, after]): [number, number] => [
      before,
      after,
    ]);
    const around = tf.pad4d(x, [[0, 0], rows, columns, [0, 0]], belowAll);
    return tf.maxPool(around, this.poolSize, this.strides, 'valid');
  }
}
tf.serialization.registerClass(PaddedMaxPooling2D);

/** The mean of the values that each window sees. */
export class PaddedAveragePooling2D extends PaddedPool {
  static readonly className = 'HbnnAveragePooling2D';

  protected override pool(x: tf.Tensor4D): tf.Tensor4D {
    const [, height, width] = x.shape;
    const area = this.poolSize[0] * this.poolSize[1];
    const rows = this.seenAlong(0, height);
    const columns = this.seenAlong(1, width);
    const factors = rows.flatMap((row) => columns.map((column) => area / (row * column)));
    const means = tf.avgPool(padded(x, this.padding), this.poolSize, this.strides, 'valid');
    return tf.mul(means, tf.tensor4d(factors, [1, rows.length, columns.length, 1]));
  }
}
tf.serialization.registerClass(PaddedAveragePooling2D);
