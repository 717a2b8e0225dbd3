import {
  allocate,
  approximate,
  binarize,
  bitMapFrom,
  type Heuristic,
  type Mix,
  parseMix,
  random,
  selectBits,
} from '@hbnn/core';
import { expect, test } from 'vitest';
import { normals, TestMemory } from './memory.ts';

const memory = await TestMemory.create();

const features = [1, 2, 3, 4, 5, 31, 32, 33, 1000, 4096];
const mixes = ['1', '0/1', '0/0/1', '0.7/0.2/0.1', '0.5/0.5', '0:0.3/1:0.3/4:0.4', '0:1'].map(
  (text) => parseMix(text),
);

/** Values whose binarization has something to go wrong: ties, zeros of both signs, constants, wide ranges. */
function values(kind: string, count: number, seed: string): Float32Array {
  const rng = random(seed, kind);
  const draw: Record<string, () => number> = {
    normal: () => rng.normal(),
    ties: () => rng.below(4) - 1.5,
    zeros: () => (rng.below(3) === 0 ? rng.normal() : rng.below(2) === 0 ? 0 : -0),
    constant: () => -0.25,
    nothing: () => 0,
    wide: () => rng.normal() * 2 ** (rng.below(200) - 100),
  };
  return Float32Array.from({ length: count }, draw[kind]);
}
const kinds = ['normal', 'ties', 'zeros', 'constant', 'nothing', 'wide'];

/** Bit for bit, so that 0 and -0 differ. */
function expectSame(found: Float32Array, wanted: Float32Array, what: string): void {
  const bits = (a: Float32Array) => new Uint32Array(a.buffer, a.byteOffset, a.length);
  const [f, w] = [bits(found), bits(wanted)];
  const first = f.findIndex((value, i) => value !== w[i]);
  expect(first < 0 ? 'same' : `${what}: ${found[first]} at ${first}, not ${wanted[first]}`).toBe(
    'same',
  );
}

function bytes(array: Uint8Array | Int32Array): number {
  const at = memory.reserve(Math.max(array.byteLength, 1));
  memory.bytes(at, array.byteLength).set(new Uint8Array(array.buffer));
  return at;
}

function sampleMap(mix: Mix, select: Heuristic, count: number) {
  const shares = allocate(mix, count).filter((share) => share.count > 0);
  const widths = Uint8Array.from(shares, (share) => share.bits);
  const planes = Math.max(...widths);
  if (select === 'random' || (widths.length === 1 && planes !== 1)) {
    const any = { shape: [count], data: new Float32Array(count) };
    return { planes, map: { bits: bytes(selectBits(any, { mix, select, seed: 5 }).bits) } };
  }
  let end = 0;
  const ends = Int32Array.from(shares, (share) => {
    end += share.count;
    return end;
  });
  const ranked = { rank: select, classes: widths.length, widths: bytes(widths), ends: bytes(ends) };
  return { planes, map: ranked };
}

export function binarizeSamplesSuite(): void {
  for (const select of ['middle-out', 'top-down', 'bottom-up', 'random'] as const)
    test.each(kinds)(`is core bit for bit: ${select}, %s`, (kind) => {
      for (const count of features)
        for (const mix of mixes)
          for (const samples of count > 100 ? [5] : [1, 3]) {
            memory.clear();
            const x = values(kind, samples * count, `${count}`);
            const { planes, map } = sampleMap(mix, select, count);
            const out = memory.output(x.length);
            const scales = memory.output(samples * planes);
            const at = memory.floats(x);
            memory.kernels.binarizeSamples(at, out, samples, count, map, planes, scales);
            const found = memory.read(out, x.length);
            const foundScales = memory.read(scales, samples * planes);
            for (let i = 0; i < samples; i++) {
              const data = x.subarray(i * count, (i + 1) * count);
              const sample = { shape: [count], data };
              const wanted = binarize(sample, selectBits(sample, { mix, select, seed: 5 }));
              const what = `${count} features, mix ${JSON.stringify(mix)}, sample ${i}`;
              const part = found.slice(i * count, (i + 1) * count);
              expectSame(part, approximate(wanted).data as Float32Array, what);
              const wantedScales = Float32Array.from(wanted.planes, (plane) => plane.scales[0]);
              expectSame(foundScales.slice(i * planes, (i + 1) * planes), wantedScales, what);
            }
          }
    });
}

export function binarizeSharedSuite(): void {
  test.each(kinds)(
    'measured over the batch is core on the whole batch, bit for bit: %s',
    (kind) => {
      for (const count of features) {
        memory.clear();
        const samples = 3;
        const rng = random(count, 'map');
        const bits = Uint8Array.from({ length: count }, () => rng.below(5));
        const planes = Math.max(...bits);
        const x = values(kind, samples * count, `${count}`);
        const out = memory.output(x.length);
        const scales = memory.output(planes);
        const at = memory.floats(x);
        const map = bytes(bits);
        memory.kernels.binarizeShared(at, out, samples, count, map, planes, scales, true);
        const thrice = bitMapFrom(new Uint8Array([...bits, ...bits, ...bits]), [x.length]);
        const wanted = binarize({ shape: [x.length], data: x }, thrice);
        expectSame(
          memory.read(out, x.length),
          approximate(wanted).data as Float32Array,
          `${count}`,
        );
        const wantedScales = Float32Array.from(wanted.planes, (plane) => plane.scales[0]);
        expectSame(memory.read(scales, planes), wantedScales, `${count} scales`);
      }
    },
  );

  test('given scales are used as they are', () => {
    memory.clear();
    const x = normals(66, 3);
    const bits = Uint8Array.from({ length: 33 }, (_, i) => i % 4);
    const out = memory.output(66);
    const given = Float32Array.of(0.8, 0.4, 0.2);
    const at = [memory.floats(x), memory.floats(given)];
    memory.kernels.binarizeShared(at[0], out, 2, 33, bytes(bits), 3, at[1], false);
    const wanted = Float32Array.from(x, (value, i) => {
      let rest = value;
      let sum = 0;
      for (let n = 0; n < bits[i % 33]; n++) {
        const step = rest > 0 ? given[n] : -given[n];
        sum += step;
        rest -= step;
      }
      return sum;
    });
    expectSame(memory.read(out, 66), wanted, 'given');
    expectSame(memory.read(at[1], 3), given, 'scales');
  });
}

export function meanMagnitudesSuite(): void {
  test('adds samples in float64', () => {
    for (const count of features) {
      memory.clear();
      const x = normals(3 * count, count);
      const means = memory.output(count);
      memory.kernels.meanMagnitudes(memory.floats(x), 3, count, means);
      const wanted = Float32Array.from({ length: count }, (_, j) =>
        Math.fround((Math.abs(x[j]) + Math.abs(x[count + j]) + Math.abs(x[2 * count + j])) / 3),
      );
      expectSame(memory.read(means, count), wanted, `${count}`);
    }
  });
}
