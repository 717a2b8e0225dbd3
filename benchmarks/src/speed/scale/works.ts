import { foldedDesign, unrolledDesign } from '@hbnn/circuit';
import { HbnnError, random } from '@hbnn/core';
import { binarizer } from '@hbnn/core/binarizer';
import { unrolledArea } from '@hbnn/estimator';
import {
  type CheckedModel,
  checkModel,
  decodeModel,
  encodeModel,
  featureCount,
  type IntegerLayer,
  randomModel,
} from '@hbnn/model';
import { useBackend } from '@hbnn/train';
import { synthesisTarget, synthesize, verilogFiles } from '@hbnn/verilog';
import { loadModel } from '@hbnn/wasm';
import { trainer } from '../trainer.ts';

/** What grows, and the sizes that are measured. */
export interface Axis {
  readonly title: string;
  readonly unit: string;
  readonly sizes: readonly number[];
  /** Memory stays the same at any size, since the work goes batch by batch. There is no largest size to look for. */
  readonly unlimited?: boolean;
}

export const axes = {
  parameters: {
    title: 'weights of a dense layer',
    unit: 'weights',
    sizes: [1e4, 1e5, 1e6, 1e7, 3e7, 6e7],
  },
  images: { title: 'images', unit: 'images', sizes: [512, 2048, 8192, 32768], unlimited: true },
  layers: {
    title: 'convolutions of a network',
    unit: 'convolutions',
    sizes: [2, 8, 32, 128, 512],
  },
  circuit: {
    title: 'weights of an unrolled dense layer',
    unit: 'weights',
    sizes: [512, 2048, 8192, 32768, 131072],
  },
} as const satisfies Record<string, Axis>;

export type AxisName = keyof typeof axes;

/** Something whose time and memory are measured: what is to be there before, and the work itself. */
interface Work {
  readonly axis: AxisName;
  readonly prepare: (size: number) => Promise<() => unknown> | (() => unknown);
  /** The largest size that is measured, where that is below the axis's. */
  readonly maxSize?: number;
}

/** A dense layer with about `weights` weights. Its inputs have one bit each. */
function denseModel(weights: number): CheckedModel {
  const inputs = 2 ** Math.ceil(Math.log2(weights) / 2);
  return randomModel(1, { layer: `dense:${inputs}x${Math.max(1, Math.round(weights / inputs))}` });
}

/** A chain of 3×3 convolutions of 16 channels on 8×8 places, each behind thresholds. */
function chainModel(length: number): CheckedModel {
  const { input, layers } = randomModel(1, { layer: 'conv:8x8x16,k3x3,o16,s1,p1' });
  const chain = Array.from({ length }, (_, i): IntegerLayer[] =>
    layers.map((layer) => ({ ...layer, name: `${layer.name}${i}` })),
  ).flat();
  const classes = featureCount(input.shape);
  return checkModel({
    name: 'chain',
    input,
    layers: chain,
    scoreFactor: 1,
    scoreOffsets: new Int32Array(classes),
    classes: Array.from({ length: classes }, (_, i) => `${i}`),
  });
}

/** An unrolled layer with 16 outputs. */
const circuitModel = (weights: number): CheckedModel =>
  randomModel(1, { layer: `dense:${Math.round(weights / 16)}x16`, mapPer: 'position' });

function normals(count: number): Float32Array {
  const rng = random(1, 'scale', count);
  return Float32Array.from({ length: count }, () => rng.normal());
}

const batch = 32;

export const works: Readonly<Record<string, Work>> = {
  'choose bits and binarize': {
    axis: 'parameters',
    prepare(size) {
      const x = normals(size);
      const spec = { shape: [size], layout: 'outputs-first', select: 'middle-out' } as const;
      const out = new Float32Array(size);
      return () => binarizer({ ...spec, average: 1.4 }).apply(x, out);
    },
  },
  'write the file': {
    axis: 'parameters',
    prepare(size) {
      const model = denseModel(size);
      return () => encodeModel(model);
    },
  },
  'read the file': {
    axis: 'parameters',
    prepare(size) {
      const bytes = encodeModel(denseModel(size));
      return () => decodeModel(bytes);
    },
  },
  'load for WebAssembly': {
    axis: 'parameters',
    prepare(size) {
      const model = denseModel(size);
      return () => loadModel(model);
    },
  },
  'train the reduced AlexNet-BN': {
    axis: 'images',
    maxSize: 8192,
    async prepare(size) {
      await useBackend({ prefer: 'wasm' });
      const training = trainer({ network: 'alexnet-bn', batch, weights: 1.4, inputs: 1.4 });
      return () => training.steps(size / batch);
    },
  },
  'run 4 convolutions in WebAssembly': {
    axis: 'images',
    async prepare(size) {
      const loaded = await loadModel(chainModel(4), { batch });
      const pixels = new Uint8Array(batch * featureCount(loaded.shape)).fill(100);
      return () => {
        for (let done = 0; done < size; done += batch) loaded.run(pixels);
      };
    },
  },
  'load a whole network for WebAssembly': {
    axis: 'layers',
    prepare(size) {
      const model = chainModel(size);
      return () => loadModel(model);
    },
  },
  'folded design and its Verilog': {
    axis: 'layers',
    maxSize: 128,
    prepare(size) {
      const model = chainModel(size);
      return () => verilogFiles(foldedDesign(model, { style: 'xc7' }));
    },
  },
  'unrolled Verilog': {
    axis: 'circuit',
    prepare(size) {
      const model = circuitModel(size);
      return () => verilogFiles(unrolledDesign(model, { style: 'xc7' }));
    },
  },
  'estimate of area': {
    axis: 'circuit',
    prepare(size) {
      const model = circuitModel(size);
      return () => unrolledArea(model, 'lut6', 0);
    },
  },
  'synthesis on one thread': {
    axis: 'circuit',
    maxSize: 32768,
    prepare(size) {
      const design = unrolledDesign(circuitModel(size), { style: 'xc7' });
      const files = verilogFiles(design);
      const target = synthesisTarget('xc7', (file) => {
        throw new HbnnError(`${file}: expected no library; xc7 has none`);
      });
      return () => synthesize(files, design.top, target, { workers: 1 });
    },
  },
};
