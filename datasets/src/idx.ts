import { HbnnError } from '@hbnn/core';

/** Unsigned bytes in the IDX format of MNIST and Fashion-MNIST. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * Read an IDX file of unsigned bytes: two zero bytes, type 0x08, the number of dimensions, each size as
 * a big-endian uint32, then the values.
 *
 * @throws HbnnError when the header is of another kind or the length does not match it
 */
export function parseIdx(bytes: Uint8Array, where: string): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0 || view.getUint8(2) !== 8) {
    throw new HbnnError(
      `${where}: expected an IDX file of unsigned bytes, got another kind of file`,
    );
  }
  const dimensions = view.getUint8(3);
  const start = 4 + 4 * dimensions;
  if (bytes.length < start) throw new HbnnError(`${where}: the IDX header is truncated`);
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const count = shape.reduce((product, size) => product * size, 1);
  if (bytes.length !== start + count) {
    throw new HbnnError(
      `${where}: expected ${start + count} bytes for shape [${shape.join(', ')}], got ${bytes.length}; ` +
        'the file is truncated or damaged, fetch it again',
    );
  }
  return { shape, data: bytes.subarray(start) };
}
