import type { FoldedDesign } from '@hbnn/circuit';
import { busWidth, type Design, indexWidth } from '@hbnn/circuit';
import { checkOptions, checkWhole, HbnnError, kindOf, random } from '@hbnn/core';
import { type CheckedModel, census, featureCount, interpreter } from '@hbnn/model';
import { failTask, streamTestbench } from './streamTestbench.ts';
import { testbenchNames } from './testbenchNames.ts';
import { makefileText, verilatorMain } from './verilatorMain.ts';
import { verilogNames } from './verilogFiles.ts';

export interface TestbenchOptions {
  readonly images?: number;
  readonly seed?: number;
  readonly pixels?: Uint8Array;
  /** Computes the scores of whole images, [image, class], exactly as the interpreter does. */
  readonly run?: (pixels: Uint8Array) => Int32Array;
}

/**
 * Write a testbench that checks itself: images, the model's scores, a line for each image, PASS or FAIL; after a
 * failure simulators end with an error. Beside it lie a C++ main for Verilator and a Makefile that runs either.
 *
 * The images are `pixels`, whole images one after the other, each as the model takes it (rows, columns, channels); else
 * `images` seeded ones (`testbenchImages(model)` by default): one of 0, one of 255, and noise.
 *
 * The scores are the interpreter's, or those that `run` computes: an engine that is faster than the interpreter, such as
 * that of `@hbnn/wasm`.
 *
 * @throws HbnnError for options that are unknown or exclude each other, for pixels that are no whole images, and where
 *   `run` does not give a score of each class for each image
 */
export function testbenchFiles(
  model: CheckedModel,
  design: Design | FoldedDesign,
  o: TestbenchOptions = {},
): Record<string, string> {
  checkOptions('testbenchFiles', o, ['images', 'seed', 'pixels', 'run']);
  checkWhole('testbenchFiles', 'images', o.images, 1);
  checkWhole('testbenchFiles', 'seed', o.seed, Number.MIN_SAFE_INTEGER);
  const names = testbenchNames(design.prefix);
  const size = featureCount(model.input.shape);
  const pixels = o.pixels === undefined ? seededPixels(model, o) : givenPixels(model, o);
  const images = pixels.length / size;
  const classes = model.scoreOffsets.length;
  const { run = interpreter(model).run } = o;
  if (typeof run !== 'function')
    throw new HbnnError(
      `testbenchFiles: run: expected a function from pixels to scores, got ${kindOf(run)}; leave it out`,
    );
  const scores = checkedScores(run(pixels), images * classes);
  const lines = (count: number, hex: (at: number) => string, each: number): string =>
    Array.from({ length: count }, (_, n) => {
      const words = Array.from({ length: each }, (_, i) => hex(n * each + each - 1 - i));
      return `${words.join('')}\n`;
    }).join('');
  // A folded design takes a pixel at a time, and gives a beat of scores at a time.
  const [eachIn, eachOut] =
    design.kind === 'folded' ? [model.input.shape[2], design.scores.each] : [size, classes];
  const pixelHex = (at: number): string => pixels[at].toString(16).padStart(2, '0');
  const scoreHex = (at: number): string => (scores[at] >>> 0).toString(16).padStart(8, '0');
  return {
    [names.pixels]: lines(pixels.length / eachIn, pixelHex, eachIn),
    [names.scores]: lines(scores.length / eachOut, scoreHex, eachOut),
    [`${names.module}.v`]: testbenchText(model, design, images),
    [`${names.module}.cpp`]: verilatorMain(design, images),
    Makefile: makefileText(design.top, verilogNames(design), names.module),
  };
}

function checkedScores(scores: Int32Array, count: number): Int32Array {
  if (scores instanceof Int32Array && scores.length === count) return scores;
  throw new HbnnError(
    `testbenchFiles: run: expected an Int32Array of ${count} scores, one of each class for each image, got ${scores instanceof Int32Array ? `${scores.length} scores` : kindOf(scores)}; leave run out to have the interpreter compute them`,
  );
}

/** Products of weights and inputs that testbenches of large networks keep to: their scores then take some seconds. */
const maxProducts = 2e9;
const [leastImages, usualImages] = [3, 20];

/** Images of a testbench where nobody asks for others: 20, or fewer of a network on large images, but 3 at least. */
export function testbenchImages(model: CheckedModel): number {
  const few = Math.floor(maxProducts / Math.max(1, census(model).total.macs));
  return Math.min(usualImages, Math.max(leastImages, few));
}

function seededPixels(
  model: CheckedModel,
  o: { readonly images?: number; readonly seed?: number },
): Uint8Array {
  const { name, input } = model;
  const { images = testbenchImages(model), seed = 1 } = o;
  const size = featureCount(input.shape);
  const rng = random(seed, 'testbench', name);
  return Uint8Array.from({ length: images * size }, (_, i) => {
    const noise = rng.below(256);
    const image = Math.floor(i / size);
    return image === 0 ? 0 : image === 1 ? 255 : noise;
  });
}

function givenPixels(
  { input }: CheckedModel,
  { images, seed, pixels }: TestbenchOptions,
): Uint8Array {
  const size = featureCount(input.shape);
  if (!(pixels instanceof Uint8Array) || pixels.length === 0 || pixels.length % size !== 0)
    throw new HbnnError(
      `testbenchFiles: pixels: expected a Uint8Array of whole images of ${size} bytes (${input.shape.join('×')}), got ${pixels instanceof Uint8Array ? `${pixels.length} bytes` : typeof pixels}; give images as the model takes them`,
    );
  if (images !== undefined || seed !== undefined)
    throw new HbnnError(
      `testbenchFiles: pixels: expected no images and no seed beside them, got ${images === undefined ? `seed ${seed}` : `images ${images}`}; leave it out`,
    );
  return pixels;
}

/** The testbench itself, for so many images. */
export const testbenchText = (
  { scoreOffsets }: CheckedModel,
  design: Design | FoldedDesign,
  images: number,
): string =>
  design.kind === 'folded'
    ? streamTestbench(design, images)
    : unrolledTestbench(design, images, scoreOffsets.length);

function unrolledTestbench(design: Design, images: number, classes: number): string {
  const { top, input, latencyCycles: latency } = design;
  const names = testbenchNames(design.prefix);
  const clocked = latency > 0;
  return `// Checks ${top} on ${images} images against the interpreter's scores; run it where the .hex files lie.
// A simulation that finds a fault ends with an error; $fatal needs SystemVerilog.
\`timescale 1ns / 1ps
\`default_nettype none

module ${names.module};
  reg [${busWidth(input) - 1}:0] images [0:${images - 1}];
  reg [${32 * classes - 1}:0] expected [0:${images - 1}];
  reg [${busWidth(input) - 1}:0] pixels;
  wire [${32 * classes - 1}:0] scores;
  wire [${indexWidth(classes) - 1}:0] largest;
  integer ${clocked ? 'cycle, ' : ''}image, class_number, best, earlier, failures;
${clocked ? "  reg clk = 1'b0;\n  always #500 clk = ~clk;\n" : ''}
  ${top} dut (${clocked ? '.clk(clk), ' : ''}.pixels(pixels), .scores(scores), .largest(largest));

  initial begin
    $readmemh("${names.pixels}", images);
    $readmemh("${names.scores}", expected);
    failures = 0;
${clocked ? clockedLoop(images, latency) : combinationalLoop(images)}      best = 0;
      earlier = failures;
      for (class_number = 0; class_number < ${classes}; class_number = class_number + 1) begin
        if (scores[32*class_number+:32] !== expected[image][32*class_number+:32]) begin
          $display("FAIL image %0d, score %0d: expected %0d, got %0d", image, class_number,
                   $signed(expected[image][32*class_number+:32]),
                   $signed(scores[32*class_number+:32]));
          failures = failures + 1;
        end
        if ($signed(expected[image][32*class_number+:32]) > $signed(expected[image][32*best+:32]))
          best = class_number;
      end
      if ({{(32 - ${indexWidth(classes)}) {1'b0}}, largest} !== best) begin
        $display("FAIL image %0d: expected largest %0d, got %0d", image, best, largest);
        failures = failures + 1;
      end
      if (failures == earlier) $display("image %0d: largest %0d", image, best);
    end
${clocked ? '    end\n' : ''}    if (failures == 0) begin
      $display("PASS ${images} images");
      $finish;
    end else begin
      $display("FAIL %0d of the values differ", failures);
      stop;
    end
  end

${failTask}endmodule

\`default_nettype wire
`;
}

const combinationalLoop = (
  images: number,
): string => `    for (image = 0; image < ${images}; image = image + 1) begin
      pixels = images[image];
      #1000;
`;

/** An image per cycle; then ones that are none of them. */
const clockedLoop = (
  images: number,
  latency: number,
): string => `    for (cycle = 0; cycle < ${images + latency}; cycle = cycle + 1) begin
      @(negedge clk);
      pixels = cycle < ${images} ? images[cycle] : ~images[0];
      #400;
      image = cycle - ${latency};
      if (image >= 0) begin
`;
