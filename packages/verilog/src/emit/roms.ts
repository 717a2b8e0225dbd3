import type { MemoryStyle, Rom } from '@hbnn/circuit';
import { range, romLines } from './emitStream.ts';

/** A read-only memory may have a file of its own from `fileWords` words on, and is block RAM from `blockBits` bits on. */
const [fileWords, blockBits] = [32, 8192];

/** The memories of a design that are only read: in the text, or in .hex files beside it. */
export class Roms {
  readonly files: Record<string, string> = {};
  private readonly style: MemoryStyle['rom'];

  constructor(style: MemoryStyle['rom']) {
    this.style = style;
  }

  /** A net or register named `name` whose value is the word at an address. */
  lines(
    module: string,
    name: string,
    address: string,
    { width, addressWidth, words }: Rom,
  ): string[] {
    // Small ones are left to the tools: some refuse "distributed" where a family has no such memory.
    const style = width * words.length >= blockBits ? '(* rom_style = "block" *) ' : '';
    const alike = words.every((word) => word === words[0]);
    if (alike || this.style === 'case' || words.length < fileWords)
      return romLines(name, width, address, addressWidth, words, style);
    const file = `${module}_${name}.hex`;
    const digits = Math.ceil(width / 4);
    this.files[file] = words.map((word) => `${word.toString(16).padStart(digits, '0')}\n`).join('');
    return [
      `  ${style}reg ${range(width)} ${name}s [0:${words.length - 1}];`,
      `  initial $readmemh("${file}", ${name}s);`,
      `  wire ${range(width)} ${name} = ${name}s[${address}];`,
    ];
  }
}
