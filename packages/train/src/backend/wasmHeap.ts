import { HbnnError } from '@hbnn/core';
import type { Offset, WasmMemory, WithScratch } from '@hbnn/wasm';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';

/** The parts of the backend's Emscripten module that are used here. */
export interface WasmModule {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(offset: number): void;
}

/** TensorFlow.js's WASM heap, as the kernels see it. Views are good until the next allocation: memory may grow. */
export interface WasmHeap {
  readonly backend: BackendWasm;
  readonly memory: WasmMemory;
  /** Where a tensor's values lie. */
  offset(t: TensorInfo): Offset;
  /** A new tensor, its values not cleared. */
  output(shape: readonly number[], dtype?: DataType): TensorInfo;
  /** The float32 values of a tensor, in place. */
  floats(t: TensorInfo): Float32Array;
  readonly withScratch: WithScratch;
  /** Lends a copy of small host arrays, each 8-byte aligned, while `use` runs. */
  withBytes(arrays: readonly ArrayBufferView[], use: (offsets: Offset[]) => void): void;
}

export function wasmHeap(module: WasmModule, memory: WasmMemory, backend: BackendWasm): WasmHeap {
  const withScratch: WithScratch = (bytes, use) => {
    // A signed 32-bit number above 2 GiB.
    const offset = module._malloc(Math.max(bytes, 8)) >>> 0;
    if (offset === 0)
      throw new HbnnError(
        `wasm backend: expected ${bytes} bytes of free heap (4 GiB in all), got none; lower the batch size`,
      );
    try {
      use(offset);
    } finally {
      module._free(offset);
    }
  };
  return {
    backend,
    memory,
    withScratch,
    offset: (t) => backend.dataIdMap.get(t.dataId).memoryOffset,
    output: (shape, dtype = 'float32') => backend.makeOutput([...shape], dtype),
    floats: (t) => backend.typedArrayFromHeap(t) as Float32Array,
    withBytes(arrays, use) {
      const starts: number[] = [];
      let total = 0;
      for (const array of arrays) {
        starts.push(total);
        total += Math.ceil(array.byteLength / 8) * 8;
      }
      withScratch(total, (base) => {
        arrays.forEach((array, i) => {
          const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
          module.HEAPU8.set(bytes, base + starts[i]);
        });
        use(starts.map((start) => base + start));
      });
    },
  };
}
