import { HbnnError, kindOf } from './error.ts';

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

/**
 * Check what a data set says of itself: its images' shape, its classes, its number of images, its normalization.
 *
 * @param where what asks for it, for the error
 * @throws HbnnError naming the field that does not fit
 */
export function checkSource(source: BatchSource, where: string): void {
  if (typeof source !== 'object' || source === null || typeof source.batches !== 'function')
    throw new HbnnError(
      `${where}: expected a data set (a BatchSource, with batches()), got ${kindOf(source)}; pass the train or test of openDataset or arrayDataset`,
    );
  const { name, shape, classes, count, normalization } = source;
  const positive = (n: unknown): boolean => Number.isSafeInteger(n) && (n as number) > 0;
  if (!Array.isArray(shape) || shape.length !== 3 || !shape.every(positive))
    throw new HbnnError(
      `${where}: expected the shape of ${name} as [height, width, channels], got ${JSON.stringify(shape)}; give three sizes above 0`,
    );
  if (!Array.isArray(classes) || classes.length === 0)
    throw new HbnnError(
      `${where}: expected the class names of ${name}, got ${kindOf(classes)}; give one name for each class`,
    );
  const unnamed = classes.find((label) => typeof label !== 'string');
  if (unnamed !== undefined)
    throw new HbnnError(
      `${where}: expected the class names of ${name} as texts, got ${kindOf(unnamed)} among them; write them as classes.map(String)`,
    );
  const twice = classes.find((label, k) => classes.indexOf(label) !== k);
  if (twice !== undefined)
    throw new HbnnError(
      `${where}: expected class names of ${name} that differ, got '${twice}' twice; rename one`,
    );
  if (!positive(count))
    throw new HbnnError(
      `${where}: expected a data set of at least one image, got ${name} with ${count}; give it images`,
    );
  if (normalization !== undefined) checkNormalization(normalization, shape[2], `${where}: ${name}`);
}

/** The least deviation of the pixels of a channel: that of channels whose pixels are all alike is taken as this. */
const minDeviation = 1e-6;

/**
 * Check a mean or deviation of pixels scaled to 0 … 1.
 *
 * @param what where it is and what it is called, for the error: `import: expected normalization.mean`
 * @throws HbnnError for one that such pixels cannot have, as those of pixels from 0 to 255
 */
export function checkPixelStatistic(
  part: 'mean' | 'deviation',
  value: number,
  what: string,
  channel?: number,
): void {
  const least = part === 'mean' ? 0 : minDeviation;
  if (Number.isFinite(value) && value >= least && value <= 1) return;
  const isOfBytes = value > 1 && value <= 255;
  const wayOut = isOfBytes
    ? `divide mean and deviation of pixels from 0 to 255 by 255, as in ${Number((value / 255).toPrecision(4))}`
    : value >= 0 && value < least
      ? 'give the deviation that the network was trained with, 1 where its pixels were not divided'
      : `compute the ${part} from pixels scaled to 0 … 1`;
  throw new HbnnError(
    `${what} from ${least} to 1, as pixels from 0 to 1 have, got ${value}${channel === undefined ? '' : ` for channel ${channel}`}; ${wayOut}`,
  );
}

/**
 * Check a normalization: mean and deviation of each channel, those of pixels scaled to 0 … 1.
 *
 * @throws HbnnError naming the field and the channel
 */
export function checkNormalization(
  normalization: NonNullable<BatchSource['normalization']>,
  channels: number,
  where: string,
): void {
  const given: unknown = normalization;
  if (typeof given !== 'object' || given === null)
    throw new HbnnError(
      `${where}: expected a normalization { mean, deviation }, got ${kindOf(given)}; give both as lists of ${channels}`,
    );
  for (const part of ['mean', 'deviation'] as const) {
    const values = normalization[part];
    if (!Array.isArray(values) || values.length !== channels)
      throw new HbnnError(
        `${where}: expected normalization.${part} as a list of ${channels}, one per channel, got ${kindOf(values)}; give one value for each`,
      );
    values.forEach((value, channel) => {
      checkPixelStatistic(part, value, `${where}: expected normalization.${part}`, channel);
    });
  }
}

/**
 * Check a batch against its data set: as many pixels and labels as it counts, pixels finite, labels of classes.
 *
 * @throws HbnnError naming the image of the batch
 */
export function checkBatch(batch: Batch, source: BatchSource, where: string): void {
  const { name, shape, classes } = source;
  if (typeof batch !== 'object' || batch === null)
    throw new HbnnError(
      `${where}: expected batches { images, labels, count } of ${name}, got ${kindOf(batch)}; yield one such object for each batch`,
    );
  const { images, labels, count } = batch;
  const size = shape[0] * shape[1] * shape[2];
  const floats: unknown = images;
  if (!(floats instanceof Float32Array))
    throw new HbnnError(
      `${where}: expected the images of a batch of ${name} as a Float32Array of normalized values, got ${kindOf(images)}; take the mean off and divide by the deviation`,
    );
  if (!ArrayBuffer.isView(labels) && !Array.isArray(labels))
    throw new HbnnError(
      `${where}: expected the labels of a batch of ${name} as an Int32Array of class numbers, got ${kindOf(labels)}; give one for each image`,
    );
  if (images.length !== count * size || labels.length !== count)
    throw new HbnnError(
      `${where}: expected ${count} images of ${shape.join('×')} = ${count * size} values and ${count} labels in a batch of ${name}, got ${images.length} values and ${labels.length} labels; make them agree`,
    );
  if (count === 0)
    throw new HbnnError(
      `${where}: expected at least one image in each batch of ${name}, got none in one; leave empty batches out`,
    );
  const beyond = labels.findIndex((k) => !(Number.isInteger(k) && k >= 0 && k < classes.length));
  if (beyond >= 0)
    throw new HbnnError(
      `${where}: expected labels 0 … ${classes.length - 1} for the ${classes.length} classes of ${name}, got ${labels[beyond]} at image ${beyond} of a batch; mend the labels or name all classes`,
    );
  let spread = 0;
  // x − x is 0 for each finite x and NaN for all others.
  for (let i = 0; i < images.length; i++) spread += images[i] - images[i];
  if (spread === 0) return;
  const bad = images.findIndex((value) => !Number.isFinite(value));
  throw new HbnnError(
    `${where}: expected finite pixels of ${name}, got ${images[bad]} in image ${Math.floor(bad / size)} of a batch; mend or remove that image`,
  );
}
