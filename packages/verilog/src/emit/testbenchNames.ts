/** The module of the testbench, and its files. */
export const testbenchName = 'testbench';
export const pixelsFile = 'testbench_pixels.hex';
export const scoresFile = 'testbench_scores.hex';

/** Whether a file has the contents of a memory of the design, and not the testbench's images or scores. */
export const isRom = (name: string): boolean =>
  name.endsWith('.hex') && name !== pixelsFile && name !== scoresFile;
