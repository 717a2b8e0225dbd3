import type * as tfl from '@tensorflow/tfjs-layers';

export type NetworkFormat = 'onnx' | 'keras' | 'h5' | 'tensorflowjs';

/** A network that was read from a file of another framework. */
export interface ImportedNetwork {
  /** The network as layers of TensorFlow.js, channels last. */
  readonly model: tfl.LayersModel;
  readonly origin: NetworkOrigin;
  /**
   * Layers whose kernels have zeros that stand for groups or dilation: training fills them, and they cannot be
   * binarized as they are.
   */
  readonly groupedLayers: readonly string[];
}

/** Where a network comes from. */
export interface NetworkOrigin {
  readonly file: string;
  readonly format: NetworkFormat;
  /** The program that wrote the file, as the file says. */
  readonly producer: string;
  /** SHA-256 of the file, in hexadecimal digits. */
  readonly sha256: string;
}
