/** The testbench's module, which its files are named after. No module of a design begins so. */
const testbench = 'testbench';

export interface TestbenchNames {
  readonly module: string;
  /** Its images and scores. */
  readonly pixels: string;
  readonly scores: string;
}

/** The names of a design's testbench: with the design's prefix behind them, for names of modules begin with it. */
export function testbenchNames(prefix: string): TestbenchNames {
  const module = prefix === '' ? testbench : `${testbench}_${prefix.slice(0, -1)}`;
  return { module, pixels: `${module}_pixels.hex`, scores: `${module}_scores.hex` };
}

/** Whether a file is the Verilog of a testbench. */
export const isTestbench = (name: string): boolean =>
  name.startsWith(testbench) && name.endsWith('.v');

/** Whether a file has the contents of a memory of the design, and not the testbench's images or scores. */
export const isRom = (name: string): boolean =>
  name.endsWith('.hex') && !name.startsWith(testbench);
