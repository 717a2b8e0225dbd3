import { decodeNpy, type FloatTensor, floatTensor, HbnnError } from '@hbnn/core';

/** A tensor may have this many values: comparing all rules on them took 17 s on two slow cores. */
export const maxValues = 1 << 22;

/** @throws HbnnError when a file is longer than `maxValues` values of 8 bytes and a header, before it is read */
export function checkFileSize(bytes: number, name: string): void {
  if (bytes > 8 * maxValues + 65_536)
    throw tooMany(name, `a file of ${(bytes / 1e6).toFixed(0)} MB`);
}

/**
 * Read a .npy file to a tensor of float32.
 *
 * @throws HbnnError when it is none of 1 to 4 dimensions, or has too many values, or one that float32 does not hold
 */
export function tensorOfFile(bytes: Uint8Array, name: string): FloatTensor {
  const { data, shape } = decodeNpy(bytes, name);
  if (data.length > maxValues) throw tooMany(name, `${data.length.toLocaleString('en')}`);
  const values = data instanceof Float32Array ? data : Float32Array.from(data);
  let [largest, kept] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(data[i]) && !Number.isFinite(values[i]))
      throw new HbnnError(
        `${name}: expected values that float32 holds (below 3.4e38), got ${data[i]} at index ${i}; divide the array by a number first`,
      );
    largest = Math.max(largest, Math.abs(data[i]));
    kept = Math.max(kept, Math.abs(values[i]));
  }
  if (largest > 0 && kept === 0)
    throw new HbnnError(
      `${name}: expected values that float32 holds (above 1e-45), got ${largest} as the largest; multiply the array by a number first`,
    );
  return floatTensor(values, shape, name);
}

const tooMany = (name: string, came: string): HbnnError =>
  new HbnnError(
    `${name}: expected at most ${maxValues.toLocaleString('en')} values, got ${came}; save a part of the array, or use hbnn binarize`,
  );
