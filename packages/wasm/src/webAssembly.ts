/** A WebAssembly.Memory. (Neither TypeScript's ES2023 library nor Node 20's types name it.) */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
}

interface WebAssemblyApi {
  readonly Memory: new (limits: { initial: number; maximum?: number }) => WasmMemory;
  instantiate(
    code: Uint8Array,
    imports: Record<string, Record<string, unknown>>,
  ): Promise<{ instance: { exports: Record<string, unknown> } }>;
}

export const webAssembly: WebAssemblyApi = Reflect.get(globalThis, 'WebAssembly');
