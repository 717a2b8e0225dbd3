/** Bytes of a WebAssembly module, put together as they come. */
export class WasmBytes {
  private buffer = new Uint8Array(1 << 12);
  length = 0;

  byte(...values: readonly number[]): this {
    for (const value of values) {
      if (this.length === this.buffer.length) this.grow(this.length + 1);
      this.buffer[this.length++] = value;
    }
    return this;
  }

  /** Unsigned LEB128. */
  unsigned(value: number): this {
    let rest = value >>> 0;
    while (rest > 127) {
      this.byte((rest & 127) | 128);
      rest >>>= 7;
    }
    return this.byte(rest);
  }

  /** Signed LEB128 of a number that is not negative. */
  signed(value: number): this {
    let rest = value;
    while (rest > 63) {
      this.byte((rest & 127) | 128);
      rest >>>= 7;
    }
    return this.byte(rest);
  }

  text(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.unsigned(bytes.length).byte(...bytes);
  }

  append(other: WasmBytes): this {
    this.grow(this.length + other.length);
    this.buffer.set(other.bytes(), this.length);
    this.length += other.length;
    return this;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.buffer.subarray(0, this.length);
  }

  private grow(least: number): void {
    if (least <= this.buffer.length) return;
    const wider = new Uint8Array(Math.max(least, 2 * this.buffer.length));
    wider.set(this.buffer);
    this.buffer = wider;
  }
}

/** Gates on 128 vectors at once. */
const simd = { not: 77, and: 78, andnot: 79, or: 80, xor: 81, select: 82 } as const;
export type SimdGate = keyof typeof simd;

/** Words of 32 bits of a slot, and the vectors that go through a netlist at once: one per bit of a slot. */
export const wordsPerSlot = 4;
export const lanes = 32 * wordsPerSlot;
const slotBytes = 4 * wordsPerSlot;
/** Functions that modules import: the host's reading of memories. */
const imported = 1;

/** A function of WebAssembly without arguments that works on slots of 128 bits in memory. */
export class SlotFunction {
  private readonly code = new WasmBytes();
  operations = 0;

  /** slot[to] = gate(slots[from]); `select` takes (when set, when clear, selector). */
  gate(gate: SimdGate | 'copy', from: readonly number[], to: number): void {
    this.code.byte(0x41, 0);
    for (const slot of from) this.code.byte(0x41, 0, 0xfd, 0, 4).unsigned(slotBytes * slot);
    if (gate !== 'copy') this.code.byte(0xfd, simd[gate]);
    this.code.byte(0xfd, 11, 4).unsigned(slotBytes * to);
    this.operations++;
  }

  call(index: number): void {
    this.code.byte(0x10).unsigned(imported + index);
    this.operations++;
  }

  /** Have the host read memory `number`, whose address slots are computed by now. */
  read(number: number): void {
    this.code.byte(0x41).signed(number).byte(0x10).unsigned(0);
    this.operations++;
  }

  body(): WasmBytes {
    const inside = new WasmBytes().byte(0).append(this.code).byte(0x0b);
    return new WasmBytes().unsigned(inside.length).append(inside);
  }
}

/** Functions by the names under which a module exports them. */
type Exports = Readonly<Record<string, number>>;

/** Put functions into a module that imports its memory and the reading of memories. */
function slotModule(functions: readonly SlotFunction[], exports: Exports): Uint8Array<ArrayBuffer> {
  const section = (id: number, content: WasmBytes): WasmBytes =>
    new WasmBytes().byte(id).unsigned(content.length).append(content);
  const types = new WasmBytes().byte(2, 0x60, 0, 0, 0x60, 1, 0x7f, 0);
  const imports = new WasmBytes()
    .byte(2)
    .text('env')
    .text('memory')
    .byte(2, 0, 1)
    .text('env')
    .text('read')
    .byte(0, 1);
  const list = new WasmBytes().unsigned(functions.length);
  for (let i = 0; i < functions.length; i++) list.byte(0);
  const entries = Object.entries(exports);
  const exported = new WasmBytes().unsigned(entries.length);
  for (const [name, index] of entries)
    exported
      .text(name)
      .byte(0)
      .unsigned(imported + index);
  const code = new WasmBytes().unsigned(functions.length);
  for (const eachFunction of functions) code.append(eachFunction.body());
  return new WasmBytes()
    .byte(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    .append(section(1, types))
    .append(section(2, imports))
    .append(section(3, list))
    .append(section(7, exported))
    .append(section(10, code))
    .bytes();
}

/** A WebAssembly.Memory and what is needed of the rest. (Neither TypeScript's ES2023 library nor Node 20's types name it.) */
interface WebAssemblyApi {
  readonly Memory: new (limits: { initial: number }) => { readonly buffer: ArrayBufferLike };
  instantiate(
    code: Uint8Array,
    imports: Record<string, Record<string, unknown>>,
  ): Promise<{ readonly instance: { readonly exports: Record<string, unknown> } }>;
}

/** Slots as words of 32 bits, and the exported functions. */
export interface SlotMachine {
  readonly memory: Uint32Array;
  readonly functions: Readonly<Record<string, () => void>>;
}

/**
 * Instantiate functions on so many slots.
 *
 * @param read called with a memory's number where a function reads it
 */
export async function slotMachine(
  functions: readonly SlotFunction[],
  slots: number,
  exports: Exports,
  read: (memory: number) => void,
): Promise<SlotMachine> {
  const api: WebAssemblyApi = Reflect.get(globalThis as object, 'WebAssembly');
  const memory = new api.Memory({ initial: Math.ceil((slotBytes * slots) / 65536) });
  const code = slotModule(functions, exports);
  const { instance } = await api.instantiate(code, { env: { memory, read } });
  return {
    memory: new Uint32Array(memory.buffer),
    functions: instance.exports as Record<string, () => void>,
  };
}
