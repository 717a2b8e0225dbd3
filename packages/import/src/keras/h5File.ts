import { HbnnError } from '@hbnn/core';
import h5wasm, { type Attribute, Dataset, Group } from 'h5wasm/node';
import type { WeightArray } from '../assemble/layerSpec.ts';

/** An HDF5 file, open for reading. */
export interface H5File {
  /** The names in a group; none where there is no such group. */
  names(path: string): readonly string[];
  /** A text of a group's attribute; undefined where it has none. */
  text(path: string, attribute: string): string | undefined;
  /** A data set of numbers. @throws HbnnError where there is none */
  weight(path: string): WeightArray;
  /** All weights below a group, by `LAYER/WEIGHT`. */
  layerWeights(path: string): Map<string, WeightArray>;
  close(): void;
}

/** Open the bytes of an HDF5 file. @throws HbnnError where they are none */
export async function openH5(bytes: Uint8Array, file: string): Promise<H5File> {
  const { FS } = await h5wasm.ready;
  // The library reads files of its own memory alone.
  const path = `/${crypto.randomUUID()}.h5`;
  FS.writeFile(path, bytes);
  try {
    return opened(new h5wasm.File(path, 'r'), () => FS.unlink(path), file);
  } catch (error) {
    FS.unlink(path);
    throw new HbnnError(
      `${file}: expected an HDF5 file, got other or truncated bytes (${(error as Error).message}); save the network again`,
    );
  }
}

function opened(h5: InstanceType<typeof h5wasm.File>, remove: () => void, file: string): H5File {
  if (h5.file_id < 0n) throw new Error('it has no HDF5 header');
  const groupAt = (path: string): Group | undefined => {
    const entity = path === '/' ? h5 : h5.get(path);
    return entity instanceof Group ? entity : undefined;
  };
  const weight = (path: string): WeightArray => {
    const entity = h5.get(path);
    if (!(entity instanceof Dataset) || !ArrayBuffer.isView(entity.value))
      throw new HbnnError(
        `${file}: expected numbers at ${path}, got others; save the network again`,
      );
    if (entity.dtype !== '<f')
      throw new HbnnError(
        `${file}: expected float32 at ${path}, got ${String(entity.dtype)}; save the network in float32`,
      );
    const values = entity.value as Float32Array;
    return { shape: entity.shape ?? [], data: Float32Array.from(values) };
  };
  return {
    names: (path) => groupAt(path)?.keys() ?? [],
    text: (path, attribute) => textOf(groupAt(path)?.attrs[attribute]),
    weight,
    layerWeights: (path) => weightsBelow(groupAt(path), path, weight),
    close() {
      h5.close();
      remove();
    },
  };
}

function textOf(attribute: Attribute | undefined): string | undefined {
  const value = attribute?.value;
  return typeof value === 'string' ? value : undefined;
}

function weightsBelow(
  group: Group | undefined,
  path: string,
  read: (path: string) => WeightArray,
): Map<string, WeightArray> {
  const weights = new Map<string, WeightArray>();
  for (const layer of group?.keys() ?? []) {
    const entity = group?.get(layer);
    const names = entity instanceof Group ? entity.attrs.weight_names?.value : undefined;
    if (!Array.isArray(names)) continue;
    for (const name of names as readonly string[]) {
      const short = name.replace(/:\d+$/, '').split('/').at(-1);
      weights.set(`${layer}/${short}`, read(`${path}/${layer}/${name}`));
    }
  }
  return weights;
}
