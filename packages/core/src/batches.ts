/** Some labelled images, as data sets give them and training takes them. */
export interface Batch {
  /** Normalised pixels, row-major [count, height, width, channels]. */
  readonly images: Float32Array;
  /** Class numbers, [count]. */
  readonly labels: Int32Array;
  readonly count: number;
  /**
   * Which of its source's images these are, in the order of the rows; augmentation draws by them. Left out by
   * sources that do not number their images.
   */
  readonly indices?: ArrayLike<number>;
}

/** A data set that can be gone through many times. */
export interface BatchSource {
  readonly name: string;
  readonly shape: readonly [height: number, width: number, channels: number];
  /** Class names by class number. */
  readonly classes: readonly string[];
  /**
   * What normalised pixels are, where the data are 8-bit images: (p / 255 − mean[c]) / deviation[c]. An integer
   * model needs it to take the pixels as they are.
   */
  readonly normalization?: {
    readonly mean: readonly number[];
    readonly deviation: readonly number[];
  };
  /** The number of images of one pass. */
  readonly count: number;
  /**
   * Go through the images once. Order (and augmentation) depend on (seed, epoch) alone;
   * `from` skips that many batches, so that a resumed run sees the same data.
   */
  batches(o: {
    batch: number;
    shuffle: boolean;
    seed: number;
    epoch: number;
    from?: number;
  }): AsyncIterable<Batch>;
}
