import { type Random, random } from '@hbnn/core';
import type { Offset, TrainingKernels, WasmMemory } from '../src/index.ts';
import { trainingKernels } from '../src/index.ts';
import { webAssembly } from '../src/webAssembly.ts';

/** Bytes filled with a telltale after each region, so that a write past its end is seen. */
const fence = 64;
const telltale = 0xa5;

/** A memory of the tests' own with a bump allocator: kernels, and host arrays put on and read back. */
export class TestMemory {
  readonly memory: WasmMemory;
  kernels!: TrainingKernels;
  private next = 64;
  private readonly fences: number[] = [];

  private constructor(memory: WasmMemory) {
    this.memory = memory;
  }

  static async create(): Promise<TestMemory> {
    const test = new TestMemory(new webAssembly.Memory({ initial: 512 }));
    test.kernels = await trainingKernels(test.memory, (bytes, use) => {
      const before = test.next;
      const scratch = test.reserve(bytes);
      test.bytes(scratch, bytes).fill(0x7f); // NaN-like rubbish: scratch is not cleared
      use(scratch);
      test.checkFences();
      test.next = before;
      test.fences.pop();
    });
    return test;
  }

  /** Forget all regions. */
  clear(): void {
    this.next = 64;
    this.fences.length = 0;
  }

  bytes(offset: Offset, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, offset, length);
  }

  reserve(bytes: number): Offset {
    const offset = this.next;
    const end = Math.ceil((offset + bytes) / 16) * 16;
    if (end + fence > this.memory.buffer.byteLength) throw new Error('test memory is full');
    this.bytes(offset + bytes, end - offset - bytes + fence).fill(telltale);
    this.fences.push(offset + bytes);
    this.next = end + fence;
    return offset;
  }

  /** Throws when a kernel has written past the end of a region. */
  checkFences(): void {
    for (const start of this.fences)
      for (const byte of this.bytes(start, fence))
        if (byte !== telltale) throw new Error(`written past the region ending at ${start}`);
  }

  floats(values: ArrayLike<number>): Offset {
    const offset = this.reserve(values.length * 4);
    new Float32Array(this.memory.buffer, offset, values.length).set(values);
    return offset;
  }

  /** Room for an output, full of NaN. */
  output(count: number): Offset {
    const offset = this.reserve(count * 4);
    new Float32Array(this.memory.buffer, offset, count).fill(Number.NaN);
    return offset;
  }

  read(offset: Offset, count: number): Float32Array {
    this.checkFences();
    return new Float32Array(this.memory.buffer, offset, count).slice();
  }
}

export function normals(count: number, seed: number | string): Float32Array {
  const rng: Random = random(seed);
  return Float32Array.from({ length: count }, () => rng.normal());
}

/** max |found − wanted| relative to max |wanted|. */
export function relativeError(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (found.length !== wanted.length)
    throw new Error(`${found.length} values, not ${wanted.length}`);
  let error = 0;
  let largest = 0;
  for (let i = 0; i < wanted.length; i++) {
    const difference = Math.abs(found[i] - wanted[i]);
    error = Math.max(error, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
    largest = Math.max(largest, Math.abs(wanted[i]));
  }
  return largest > 0 ? error / largest : error;
}
