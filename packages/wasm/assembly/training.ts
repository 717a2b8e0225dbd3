// Training kernels on the heap of TensorFlow.js's WASM backend.
export function version(): i32 {
  return 1;
}
