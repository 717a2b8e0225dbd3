/** CRC-32 (ISO-HDLC, the one of zip and PNG) of bytes. */
export function crc32(bytes: Uint8Array): number {
  const [t0, t1, t2, t3] = tables;
  const whole = bytes.length & ~3;
  let crc = -1;
  // Four bytes at a time: table k is what a byte comes to after k more bytes of zeros.
  for (let i = 0; i < whole; i += 4) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    crc = t3[crc & 255] ^ t2[(crc >>> 8) & 255] ^ t1[(crc >>> 16) & 255] ^ t0[crc >>> 24];
  }
  for (let i = whole; i < bytes.length; i++) crc = t0[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

const tables = makeTables();

function makeTables(): Int32Array[] {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
    return value;
  });
  const all = [first];
  for (let k = 1; k < 4; k++)
    all.push(all[k - 1].map((value) => first[value & 255] ^ (value >>> 8)));
  return all;
}
