import { HbnnError } from '@hbnn/core';
import type { WeightArray } from '../assemble/layerSpec.ts';
import { h5Objects } from './h5Objects.ts';
import type { H5Object } from './h5Thread.ts';

/** What is in an HDF5 file. */
export interface H5File {
  /** The names in a group; none where there is no such group. */
  names(path: string): readonly string[];
  /** A text of a group's attribute; undefined where it has none. */
  text(path: string, attribute: string): string | undefined;
  /** A data set of numbers. @throws HbnnError where there is none */
  weight(path: string): WeightArray;
  /**
   * All weights below a group, by `LAYER/WEIGHT`; those of layers of models inside the model by `MODEL/LAYER/WEIGHT`.
   *
   * @throws HbnnError where two have one name
   */
  layerWeights(path: string, models: readonly string[]): Map<string, WeightArray>;
}

/**
 * Read the bytes of an HDF5 file.
 *
 * @throws HbnnError where they are none, or damaged such that reading them does not end
 */
export async function openH5(bytes: Uint8Array, file: string): Promise<H5File> {
  try {
    return h5File(await h5Objects(bytes), file);
  } catch (error) {
    if (error instanceof HbnnError) throw error;
    throw new HbnnError(
      `${file}: expected an HDF5 file, got other, damaged or truncated bytes (${(error as Error).message}); save the network again`,
    );
  }
}

const absolute = (path: string): string => (path.startsWith('/') ? path : `/${path}`);

function h5File(objects: readonly H5Object[], file: string): H5File {
  const byPath = new Map(objects.map((object) => [object.path, object]));
  const groupAt = (path: string) => {
    const object = byPath.get(absolute(path));
    return object?.kind === 'group' ? object : undefined;
  };
  const weight = (path: string): WeightArray => {
    const object = byPath.get(absolute(path));
    if (object?.kind !== 'numbers')
      throw new HbnnError(
        `${file}: expected numbers at ${path}, got others; save the network again`,
      );
    const { dtype, shape, data } = object;
    // A single whole number is a counter of training, which nothing here computes with.
    if (/^<[iluq]$/i.test(dtype) && shape.length === 0) return { shape, data: new Float32Array(1) };
    if (dtype !== '<f')
      throw new HbnnError(
        `${file}: expected float32 at ${path}, got ${dtype}; save the network in float32`,
      );
    const size = shape.reduce((product, n) => product * n, 1);
    if (!(data instanceof Float32Array) || data.length !== size)
      throw new HbnnError(
        `${file}: expected ${size} numbers at ${path} for the shape [${shape.join(', ')}], got ${data instanceof Float32Array ? data.length : 'none'}; save the network again`,
      );
    return { shape, data };
  };
  return {
    names: (path) => groupAt(path)?.names ?? [],
    text(path, attribute) {
      const value = groupAt(path)?.attributes[attribute];
      return typeof value === 'string' ? value : undefined;
    },
    weight,
    layerWeights(path, models) {
      const weights = new Map<string, WeightArray>();
      for (const layer of groupAt(path)?.names ?? [])
        for (const [name, value] of weightsOf(layer, `${path}/${layer}`, models.includes(layer))) {
          if (weights.has(name))
            throw new HbnnError(
              `${file}: expected each weight once, got '${name}' twice; give the layers of models inside the model names of their own`,
            );
          weights.set(name, value);
        }
      return weights;
    },
  };

  function weightsOf(layer: string, path: string, isModel: boolean): [string, WeightArray][] {
    const names = groupAt(path)?.attributes.weight_names;
    if (!Array.isArray(names)) return [];
    return (names as readonly string[]).map((name) => {
      const parts = name.replace(/:\d+$/, '').split('/');
      const short = parts.slice(isModel ? -2 : -1).join('/');
      return [`${layer}/${short}`, weight(`${path}/${name}`)];
    });
  }
}
