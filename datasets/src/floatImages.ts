import { type BatchSource, HbnnError } from '@hbnn/core';
import { type Dataset, type OpenOptions, placeOf, tellLimit } from './dataset.ts';
import { epochOrder, type LabelledImages, stratifiedIndices } from './images.ts';
import { splitValidation } from './validation.ts';

interface About {
  readonly name: string;
  readonly label: string;
  readonly classes: readonly string[];
}

/**
 * Make a data set of float images taken as they are, without a normalization.
 *
 * @throws HbnnError for `shrink`, which averages pixels
 */
export function floatDataset(
  about: About,
  shape: LabelledImages['shape'],
  parts: { train: ReadPart; test: ReadPart; validation?: ReadPart },
  o: OpenOptions,
): Dataset {
  if (o.shrink !== undefined && o.shrink !== 1)
    throw new HbnnError(
      `${about.name}: expected no shrink with floats that are normalized, got ${o.shrink}; shrink the images before`,
    );
  const { name, label, classes } = about;
  const rows = (part: ReadPart, limit: number | undefined): number[] =>
    stratifiedIndices(part.labels, classes.length, limit ?? part.labels.length);
  const source = (part: ReadPart, indices: readonly number[]): BatchSource =>
    floatSource(about, shape, part, indices);
  tellLimit(o, 'limit', parts.train.labels.length);
  tellLimit(o, 'testLimit', parts.test.labels.length);
  const trained = rows(parts.train, o.limit);
  const split =
    parts.validation !== undefined || o.validation === undefined
      ? undefined
      : splitValidation(
          trained.map((i) => parts.train.labels[i]),
          classes.length,
          o.validation,
          o.seed ?? 0,
          placeOf(o, 'validation'),
        );
  const validation = split
    ? source(
        parts.train,
        split.validation.map((i) => trained[i]),
      )
    : parts.validation && source(parts.validation, rows(parts.validation, o.validation));
  return {
    name,
    label,
    train: source(parts.train, split ? split.train.map((i) => trained[i]) : trained),
    test: source(parts.test, rows(parts.test, o.testLimit)),
    ...(validation && { validation }),
  };
}

/** Go through some of the images of a part. */
function floatSource(
  { name, classes }: About,
  shape: LabelledImages['shape'],
  { values, labels, size }: ReadPart,
  rows: readonly number[],
): BatchSource {
  return {
    name,
    shape,
    classes,
    count: rows.length,
    async *batches({ batch, shuffle, seed, epoch, from = 0 }) {
      const order = epochOrder(rows.length, shuffle, seed, epoch);
      for (let start = from * batch; start < rows.length; start += batch) {
        const indices = order.subarray(start, Math.min(rows.length, start + batch));
        const images = new Float32Array(indices.length * size);
        indices.forEach((index, i) => {
          images.set(values.subarray(rows[index] * size, (rows[index] + 1) * size), i * size);
        });
        const own = Int32Array.from(indices, (index) => labels[rows[index]]);
        yield { images, labels: own, count: indices.length, indices };
      }
    },
  };
}

/** Values of some images, 8-bit pixels or floats, with their labels. */
export interface ReadPart {
  readonly values: Uint8Array | Float32Array;
  readonly labels: Int32Array;
  readonly size: number;
}
