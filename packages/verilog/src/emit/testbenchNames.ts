/** The module of the testbench, and its files. */
export const testbenchName = 'testbench';
export const pixelsFile = 'testbench_pixels.hex';
export const scoresFile = 'testbench_scores.hex';
