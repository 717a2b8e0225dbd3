import { type BatchSource, random } from '@hbnn/core';
import {
  buildNetwork,
  countNetwork,
  fit,
  type NetworkName,
  networks,
  parametersOf,
  runConfig,
  SgdMomentum,
  startState,
} from '@hbnn/train';

/** A network in training on images of noise, on the backend that was current when it was made. */
export interface Trainer {
  /** Train so many steps on, as `hbnn train` does: forward, backward, update. */
  steps(count: number): Promise<void>;
  /**
   * Multiply-adds of one step: products forward, of the filters' gradients, and of the inputs' but the first
   * layer's.
   */
  readonly products: number;
  dispose(): void;
}

export interface Setting {
  readonly network: NetworkName;
  readonly batch: number;
  readonly weights: number | string;
  readonly inputs: number | string;
}

/** The same batch again and again, without end. */
function noise({ network, batch }: Setting): BatchSource {
  const { input, classes } = networks[network];
  const rng = random(7, 'images');
  const size = input[0] * input[1] * input[2];
  const images = Float32Array.from({ length: batch * size }, () => rng.normal());
  const labels = Int32Array.from({ length: batch }, () => rng.below(classes));
  return {
    name: 'noise',
    shape: input,
    count: batch * 1e6,
    classes: Array.from({ length: classes }, (_, i) => `${i}`),
    async *batches() {
      for (;;) yield { images, labels, count: batch };
    },
  };
}

export function trainer(setting: Setting): Trainer {
  const { network, batch, weights, inputs } = setting;
  // So small a rate that the loss stays finite whatever the noise, with all of the work of a larger one.
  const learningRate = 1e-4;
  const config = runConfig({ network, batch, weights, inputs, learningRate, schedule: 'constant' });
  const source = noise(setting);
  const model = buildNetwork(config, source);
  const variables = parametersOf(model).filter(({ trainable }) => trainable);
  const optimizer = new SgdMomentum(variables, config);
  const state = startState();
  const { layers, macs } = countNetwork(model);
  const first = layers.find((layer) => layer.macs > 0);
  return {
    async steps(count) {
      const options = { ...config, epochs: 1, maxSteps: state.step + count };
      await fit(model, source, optimizer, variables, state, options);
    },
    products: (3 * macs - (first?.macs ?? 0)) * batch,
    dispose() {
      optimizer.dispose();
      model.dispose();
    },
  };
}
