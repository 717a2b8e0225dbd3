import { HbnnError, kindOf } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { checkModelBuilt } from './fitting.ts';
import { activationOf } from './lastActivation.ts';
import type { CallContext } from './layers/context.ts';
import { chainOf } from './modelChain.ts';

/** What one layer of a network gives for some images. */
export interface LayerValues {
  readonly name: string;
  readonly kind: string;
  /** The activation that it ends with; undefined where it has none. */
  readonly activation?: string;
  /** The shape of one image's output. */
  readonly shape: readonly number[];
  /** [images, …shape], row-major. */
  readonly values: Float32Array;
}

/**
 * Compute what each layer of a network gives at inference, in the order in which they are computed.
 *
 * @param images [images, …input], as the network takes them: normalized
 * @throws HbnnError where the network has several inputs or outputs, or the images are not of its size or not finite
 */
export function layerValues(model: tfl.LayersModel, images: Float32Array): LayerValues[] {
  checkModelBuilt(model, 'layerValues');
  const chain = chainOf(model);
  checkImages(images);
  const shape = model.inputs[0].shape.slice(1) as number[];
  const size = shape.reduce((product, n) => product * n, 1);
  const count = images.length / size;
  if (!Number.isInteger(count) || count === 0)
    throw new HbnnError(
      `${model.name}: expected images of ${shape.join('×')}, got ${images.length} values; give images of the network's size`,
    );
  const layers: LayerValues[] = [];
  tf.tidy(() => {
    const input: tf.Tensor = tf.tensor(images, [count, ...shape]);
    const outputs: tf.Tensor[] = [];
    for (const link of chain) {
      const inputs = link.sources.map((source) => outputs[source] ?? input);
      const output = link.layer.apply(inputs.length === 1 ? inputs[0] : inputs, {
        training: false,
      } satisfies CallContext) as tf.Tensor;
      outputs.push(output);
      const activation = activationOf(link);
      layers.push({
        name: link.layer.name,
        kind: link.layer.getClassName(),
        ...(activation !== undefined && { activation }),
        shape: link.output,
        values: output.dataSync() as Float32Array,
      });
    }
  });
  return layers;
}

/** @throws HbnnError for what a network does not compute with: bytes, a list, a value that is no finite number */
function checkImages(images: unknown): asserts images is Float32Array {
  if (!(images instanceof Float32Array))
    throw new HbnnError(
      `layerValues: expected images as a Float32Array of normalized values, got ${kindOf(images)}; divide pixels by 255, take the mean off and divide by the deviation`,
    );
  const at = images.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new HbnnError(
    `layerValues: expected images of finite values, got ${images[at]} at index ${at}; mend or remove that image`,
  );
}
