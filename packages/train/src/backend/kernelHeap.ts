import { HbnnError } from '@hbnn/core';
import { type Offset, type TrainingKernels, trainingKernels, type WasmMemory } from '@hbnn/wasm';

interface GrowingMemory extends WasmMemory {
  grow(pages: number): number;
}

const webAssembly: { readonly Memory: new (limits: { initial: number }) => GrowingMemory } =
  Reflect.get(globalThis, 'WebAssembly');

const pageBytes = 65_536;
/** Nothing lies at offset 0. */
const firstOffset = 64;

/** The kernels of @hbnn/wasm on a memory of their own, for values that come from elsewhere. */
export interface KernelHeap {
  readonly kernels: TrainingKernels;
  /** Frees all that was placed and reserved meanwhile when `use` returns. Sessions do not nest. */
  session<T>(use: () => T): T;
  reserve(bytes: number): Offset;
  /** A copy of an array, 16-byte aligned. */
  place(array: Float32Array | Int32Array | Uint8Array): Offset;
  /** A copy of values on the heap. */
  floats(offset: Offset, count: number): Float32Array<ArrayBuffer>;
}

let shared: Promise<KernelHeap> | undefined;

/** One heap for all backends of a process; it keeps the size of the largest session. */
export function kernelHeap(): Promise<KernelHeap> {
  shared ??= makeHeap();
  return shared;
}

async function makeHeap(): Promise<KernelHeap> {
  const memory = new webAssembly.Memory({ initial: 16 });
  let next = firstOffset;
  const reserve = (bytes: number): Offset => {
    const offset = next;
    next = Math.ceil((offset + bytes) / 16) * 16;
    const missing = next - memory.buffer.byteLength;
    if (missing > 0) growBy(memory, Math.ceil(missing / pageBytes));
    return offset;
  };
  const kernels = await trainingKernels(memory, (bytes, use) => {
    const before = next;
    use(reserve(bytes));
    next = before;
  });
  return {
    kernels,
    reserve,
    session(use) {
      try {
        return use();
      } finally {
        next = firstOffset;
      }
    },
    place(array) {
      const offset = reserve(array.byteLength);
      const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
      new Uint8Array(memory.buffer, offset, bytes.length).set(bytes);
      return offset;
    },
    floats: (offset, count) => new Float32Array(new Float32Array(memory.buffer, offset, count)),
  };
}

function growBy(memory: GrowingMemory, pages: number): void {
  try {
    memory.grow(pages);
  } catch {
    throw new HbnnError(
      `binarization: expected ${memory.buffer.byteLength + pages * pageBytes} bytes of WASM memory (4 GiB in all), got none; lower the batch size`,
    );
  }
}
