/** A convolution of a network, stride 1, square. A dense layer is one of a single pixel. */
export interface BenchLayer {
  readonly network: 'alexnet' | 'mobilenet' | 'vgg8';
  readonly name: string;
  /** Height and width of the input. */
  readonly size: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly pad: number;
}

const conv = (
  network: BenchLayer['network'],
  name: string,
  [size, inputs, outputs, kernel, pad]: readonly [number, number, number, number, number],
): BenchLayer => ({ network, name, size, inputs, outputs, kernel, pad });

/** Binarized layers of the networks at full size, as in packages/train/src/networks. */
export const benchLayers: readonly BenchLayer[] = [
  conv('alexnet', 'conv2', [27, 96, 256, 5, 2]),
  conv('alexnet', 'conv3', [13, 256, 384, 3, 1]),
  conv('alexnet', 'conv4', [13, 384, 384, 3, 1]),
  conv('alexnet', 'conv5', [13, 384, 256, 3, 1]),
  conv('alexnet', 'dense6', [1, 9216, 4096, 1, 0]),
  conv('alexnet', 'dense7', [1, 4096, 4096, 1, 0]),
  conv('mobilenet', 'pointwise1', [112, 32, 64, 1, 0]),
  conv('mobilenet', 'pointwise3', [56, 128, 128, 1, 0]),
  conv('mobilenet', 'pointwise5', [28, 256, 256, 1, 0]),
  conv('mobilenet', 'pointwise7', [14, 512, 512, 1, 0]),
  conv('mobilenet', 'pointwise13', [7, 1024, 1024, 1, 0]),
  conv('vgg8', 'conv2', [30, 64, 64, 3, 0]),
  conv('vgg8', 'conv3', [14, 64, 128, 3, 0]),
  conv('vgg8', 'conv4', [12, 128, 128, 3, 0]),
  conv('vgg8', 'conv5', [5, 128, 256, 3, 0]),
  conv('vgg8', 'conv6', [3, 256, 256, 3, 0]),
];

/** Height and width of the output. */
export const outputSize = ({ size, kernel, pad }: BenchLayer): number =>
  size + 2 * pad - kernel + 1;

/** Multiply-adds of one image, all windows whole. */
export const macsOf = (layer: BenchLayer): number =>
  outputSize(layer) ** 2 * layer.outputs * layer.inputs * layer.kernel ** 2;

/** Bits of weights and of inputs; undefined for float32 or int8. */
export interface LayerBits {
  readonly weights: number;
  readonly inputs: number;
}

/** Bits that are measured: the paper's 1.4 beside 1 and 2. */
export const bitCombinations: readonly LayerBits[] = [
  { weights: 1, inputs: 1 },
  { weights: 1.4, inputs: 1 },
  { weights: 1, inputs: 1.4 },
  { weights: 1.4, inputs: 1.4 },
  { weights: 2, inputs: 2 },
];

/** Something that computes a layer on a batch of images, on one thread. */
export interface LayerEngine {
  readonly engine: string;
  readonly bits?: LayerBits;
  /** What it runs on, e.g. the kernel. */
  readonly how?: string;
  /** Compute once; returns the milliseconds that it took. */
  turn(): Promise<number>;
  dispose(): void | Promise<void>;
}
