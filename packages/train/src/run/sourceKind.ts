import { type BatchSource, HbnnError } from '@hbnn/core';

/** The images and classes that a network is made for. */
export type SourceKind = Pick<BatchSource, 'shape' | 'classes'>;

/** A source's image shape and classes, without its images. */
export const kindOfSource = ({ shape, classes }: SourceKind): SourceKind => ({ shape, classes });

/**
 * Refuse data of another image size or other classes than a run's; files of earlier versions do not tell them.
 *
 * @throws HbnnError that names the file and the first difference
 */
export function checkTrainedOn(state: unknown, source: SourceKind, where: string): void {
  const trained = (state as { trainedOn?: SourceKind } | null)?.trainedOn;
  if (trained === undefined) return;
  const { shape, classes } = source;
  if (trained.shape.join() !== shape.join())
    throw new HbnnError(
      `${where}: expected images of ${trained.shape.join('×')}, as the run was trained on, got ${shape.join('×')}; open data of that size`,
    );
  if (trained.classes.length !== classes.length)
    throw new HbnnError(
      `${where}: expected data of the ${trained.classes.length} classes that the run was trained on (${listed(trained.classes)}), got ${classes.length} (${listed(classes)}); open data of the same classes`,
    );
  const other = classes.findIndex((name, k) => name !== trained.classes[k]);
  if (other >= 0)
    throw new HbnnError(
      `${where}: expected the classes that the run was trained on, with '${trained.classes[other]}' as class ${other}, got '${classes[other]}'; open data of the same classes, named alike`,
    );
}

const listed = (names: readonly string[]): string =>
  `${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`;
