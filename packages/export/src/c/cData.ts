/** Integers of fixed width, as `stdint.h` names them. */
export type CInteger = 'uint8_t' | 'int8_t' | 'int16_t' | 'int32_t' | 'int64_t';

export const byteSize: Readonly<Record<CInteger, number>> = {
  uint8_t: 1,
  int8_t: 1,
  int16_t: 2,
  int32_t: 4,
  int64_t: 8,
};

const limits: readonly (readonly [type: CInteger, minimum: number, maximum: number])[] = [
  ['uint8_t', 0, 255],
  ['int8_t', -128, 127],
  ['int16_t', -32768, 32767],
  ['int32_t', -(2 ** 31), 2 ** 31 - 1],
];

/** Choose the smallest integer for values from `minimum` to `maximum`. */
export const smallestInteger = (minimum: number, maximum: number): CInteger =>
  limits.find(([, low, high]) => minimum >= low && maximum <= high)?.[0] ?? 'int64_t';

/** Choose the smallest integer that holds each of some values. */
export const integerOf = (values: Iterable<number>): CInteger => {
  let [minimum, maximum] = [0, 0];
  for (const value of values) {
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
  }
  return smallestInteger(minimum, maximum);
};

/** A whole number as C reads it on every machine: neither −2³¹ nor −2⁶³ are literals. */
function literal(value: number, type: CInteger): string {
  if (type === 'int64_t') return value < 0 ? `-INT64_C(${-value})` : `INT64_C(${Math.abs(value)})`;
  return value === -(2 ** 31) ? 'INT32_MIN' : `${value}`;
}

/** Constant arrays of a program, and the bytes they take. */
export class CArrays {
  readonly #texts: string[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get text(): string {
    return this.#texts.join('\n');
  }

  /** Add an array; one without values gets a 0, as C has no empty arrays. */
  add(name: string, type: CInteger, values: ArrayLike<number>): string {
    const count = Math.max(1, values.length);
    this.#bytes += count * byteSize[type];
    const texts = Array.from({ length: count }, (_, i) => literal(values[i] ?? 0, type));
    const lines: string[] = [];
    for (let at = 0; at < count; at += 16) lines.push(`  ${texts.slice(at, at + 16).join(', ')}`);
    this.#texts.push(`static const ${type} ${name}[${count}] = {\n${lines.join(',\n')}\n};`);
    return name;
  }
}

/** Bits one after another, the first in the lowest bit of the first byte. */
export class BitWriter {
  readonly #bytes: number[] = [];
  #count = 0;

  push(bit: number): void {
    if (this.#count % 8 === 0) this.#bytes.push(0);
    this.#bytes[this.#count >> 3] |= (bit & 1) << (this.#count & 7);
    this.#count++;
  }

  get bytes(): readonly number[] {
    return this.#bytes;
  }
}

/** Small numbers packed into bytes. */
export interface PackedNumbers {
  /** 1, 2 or 4, so that no number lies across two bytes. */
  readonly width: number;
  readonly bytes: readonly number[];
}

/** Pack numbers from 0 to 15, the first in the lowest bits of the first byte. */
export function packNumbers(values: ArrayLike<number>): PackedNumbers {
  const max = Array.from(values).reduce((most, value) => Math.max(most, value), 0);
  const width = max <= 1 ? 1 : max <= 3 ? 2 : 4;
  const writer = new BitWriter();
  for (let i = 0; i < values.length; i++)
    for (let bit = 0; bit < width; bit++) writer.push(values[i] >> bit);
  return { width, bytes: writer.bytes };
}

/** The expression that reads number `index` of packed ones. */
export const packedAt = (name: string, width: number, index: string): string => {
  const each = 8 / width;
  return `((${name}[(${index}) / ${each}] >> ((${index}) % ${each} * ${width})) & ${2 ** width - 1})`;
};
