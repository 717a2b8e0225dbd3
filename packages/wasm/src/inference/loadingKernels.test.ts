import { type MapPer, parseMix, random } from '@hbnn/core';
import {
  decodeModel,
  encodeModel,
  type PlaneWeights,
  plainLoops,
  randomModel,
  readModel,
} from '@hbnn/model';
import { beforeAll, expect, test } from 'vitest';
import { compiledCode } from '../webAssembly.ts';
import { inferenceCode } from './inferenceCode.ts';
import { LoadingKernels } from './loadingKernels.ts';

const tails = [1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129];
/** More weights than are worked on together. */
const long = 40001;

/** Whether bytes are the same: of many, a matcher takes long to say so. */
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

let loops: LoadingKernels;
beforeAll(async () => {
  loops = await LoadingKernels.on(await compiledCode(inferenceCode()), false, 16 * long);
});

test('checksums are those of the plain loop', () => {
  const rng = random('checksums');
  for (const length of [0, ...tails, long]) {
    const bytes = Uint8Array.from({ length }, () => rng.below(256));
    expect(loops.crc32(bytes)).toBe(plainLoops.crc32(bytes));
  }
});

test('any code gives the bitwidths of the plain loop, or is refused as there', () => {
  const rng = random('states');
  for (const shares of [[0, 4000, 96], [1, 2867, 818, 410], [0, 1, 4095], new Array(8).fill(512)])
    for (const length of [...tails, long]) {
      const code = Uint8Array.from({ length: 2 * length + 4 }, () => rng.below(256));
      const [own, plain] = [new Uint8Array(length), new Uint8Array(length)];
      expect(loops.decodeStates(code, shares, own)).toBe(
        plainLoops.decodeStates(code, shares, plain),
      );
      expect(same(own, plain)).toBe(true);
      const short = code.subarray(0, 4);
      expect(loops.decodeStates(short, shares, own)).toBe(
        plainLoops.decodeStates(short, shares, plain),
      );
    }
});

/** Weights of some planes, drawn. */
function drawn(planes: number, outputs: number, row: number, least = 0): PlaneWeights {
  const rng = random('loading', planes, outputs, row);
  const bits = Uint8Array.from(
    { length: outputs * row },
    () => least + rng.below(planes + 1 - least),
  );
  return {
    kind: 'planes',
    shape: [outputs, row],
    bits,
    signs: bits.map((width) => rng.below(2 ** width)),
    multiples: Array.from({ length: planes }, () =>
      Uint8Array.from({ length: outputs }, () => rng.below(256)),
    ),
    mapPer: 'element',
    scalePer: 'output',
  };
}

function weightValue({ bits, signs, multiples }: PlaneWeights, output: number, i: number): number {
  let value = 0;
  for (let n = 0; n < bits[i]; n++)
    value += (signs[i] >> n) & 1 ? multiples[n][output] : -multiples[n][output];
  return value;
}

test.each([1, 2, 3, 8])(
  'signs and row sums of %i planes are those of the plain loops',
  (planes) => {
    for (const row of [...tails, long]) {
      const weights = drawn(planes, 3, row);
      const { bits } = weights;
      const members = bits.reduce((sum, width) => sum + width, 0);
      const rng = random('signs', row);
      const packed = Uint8Array.from({ length: Math.ceil(members / 8) }, () => rng.below(256));
      const layout = { bits, planes, full: false };
      const counts = Array.from(
        { length: 9 },
        (_, width) => bits.filter((b) => b === width).length,
      );
      const plain = plainLoops.unpackSigns(packed, layout);
      expect(same(loops.unpackSigns(packed, layout), plain)).toBe(true);
      expect(same(loops.unpackSigns(packed, { ...layout, counts }), plain)).toBe(true);
      if (planes > 3) {
        expect(loops.largestRowSum(weights)).toBe(undefined);
        continue;
      }
      const sums = [0, 0, 0];
      for (let i = 0; i < bits.length; i++) {
        const o = Math.floor(i / row);
        sums[o] += Math.abs(weightValue(weights, o, i));
      }
      expect(loops.largestRowSum(weights)).toBe(Math.max(...sums));
      expect([...loops.planeFacts(weights).sums]).toEqual(sums);
      // A sign beyond a weight's bits, and bits beyond the planes.
      const unsound = weights.signs.with(row, 2 ** bits[row]);
      expect(loops.largestRowSum({ ...weights, signs: unsound })).toBe(undefined);
      expect(loops.largestRowSum({ ...weights, bits: bits.with(row, planes + 1) })).toBe(undefined);
      expect(loops.largestRowSum({ ...weights, bits: bits.with(row, 200) })).toBe(undefined);
    }
  },
);

test.each([false, true])('bits of planes are those of the weights, reordered %s', (reordered) => {
  for (const inputs of [...tails, 1025])
    for (const positions of [1, 3]) {
      const weights = drawn(3, 5, inputs * positions);
      const channels = Int32Array.from({ length: inputs }, (_, i) => i);
      if (reordered) channels.reverse();
      const pitch = 4 * Math.ceil(inputs / 4);
      const rowBytes = 16 * Math.ceil((positions * pitch) / 128);
      for (let plane = 0; plane < 3; plane++) {
        const members = new Uint8Array(5 * rowBytes);
        const positives = new Uint8Array(5 * rowBytes);
        for (let o = 0; o < 5; o++)
          for (let p = 0; p < positions; p++)
            for (let n = 0; n < inputs; n++) {
              const i = (o * positions + p) * inputs + channels[n];
              const bit = p * pitch + n;
              if (weights.bits[i] <= plane) continue;
              members[o * rowBytes + (bit >> 3)] |= 1 << (bit & 7);
              positives[o * rowBytes + (bit >> 3)] |=
                ((weights.signs[i] >> plane) & 1) << (bit & 7);
            }
        const made = loops.planeBits(weights, { positions, channels }, plane, rowBytes);
        expect(made).toEqual({ members, positives });
      }
    }
});

test.each([false, true])(
  'quads, facts and products are those of the weights, reordered %s',
  (reordered) => {
    for (const inputs of tails)
      for (const outputs of [1, 4, 5]) {
        const positions = 2;
        const row = positions * inputs;
        const rng = random('quads', inputs, outputs);
        const values = Int8Array.from({ length: outputs * row }, () => 2 * (rng.below(127) - 63));
        const channels = Int32Array.from({ length: inputs }, (_, i) => i);
        if (reordered) channels.reverse();
        const rows = Math.ceil(inputs / 4);
        const quads = new Int8Array(Math.ceil(outputs / 4) * rows * positions * 16);
        const scales = Int16Array.from({ length: inputs }, () => rng.below(1531) - 765);
        const sums = new Int32Array(outputs);
        for (let o = 0; o < outputs; o++)
          for (let p = 0; p < positions; p++)
            for (let n = 0; n < inputs; n++) {
              const w = values[(o * positions + p) * inputs + channels[n]];
              const place = ((o >> 2) * rows + (n >> 2)) * positions + p;
              quads[16 * place + 4 * (o & 3) + (n & 3)] = w;
              sums[o] += w * scales[channels[n]];
            }
        expect(loops.quads(values, outputs, { positions, channels })).toEqual(quads);
        expect(loops.products(values, outputs, scales)).toEqual(sums);
        const { largest, divisors } = loops.byteFacts(values, outputs);
        for (let o = 0; o < outputs; o++) {
          const own = values.subarray(o * row, (o + 1) * row).map(Math.abs);
          expect(largest[o]).toBe(Math.max(...own));
          expect(own.every((w) => w === 0 || w % divisors[o] === 0)).toBe(true);
          expect(divisors[o] % 2).toBe(0);
        }
      }
  },
);

test('files are read as by the plain loops', async () => {
  const mapPers: readonly MapPer[] = ['element', 'position', 'input', 'output', 'block:3'];
  const mix = parseMix('0.7/0.2/0.1');
  for (let seed = 0; seed < 24; seed++) {
    const mapPer = mapPers[seed % mapPers.length];
    const model = randomModel(seed, { layer: 'conv:6x5x7,k3x3,o9', mix, mapPer });
    const bytes = encodeModel(model);
    const read = await readModel([bytes], 'model file', bytes.length, loops);
    expect(read.layers).toEqual(decodeModel(bytes).layers);
    expect(read.checkedLayers).toEqual(decodeModel(bytes).checkedLayers);
  }
});
