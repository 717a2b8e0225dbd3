import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Design, FoldedDesign } from '@hbnn/circuit';
import { pixelsFor } from '@hbnn/conformance';
import { exportC, exportOnnx } from '@hbnn/export';
import type { CheckedModel } from '@hbnn/model';
import { testbenchFiles, verilogFiles } from '@hbnn/verilog';
import {
  type Compared,
  foldedModel,
  foldedOf,
  scoresDifference,
  smallLayer,
  unrolledModel,
  unrolledOf,
} from './executors.ts';

function inFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'hbnn-cross-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const has = (command: string, flag: string): boolean =>
  spawnSync(command, [flag]).error === undefined;

const images = 4;

/** Text of more bytes takes simulators minutes: few sums may have many thresholds. */
const maxTextBytes = 500_000;

type DesignOf = (model: CheckedModel, seed: number) => Design | FoldedDesign;

/** The text of a model's hardware with a testbench; of one small layer in its place where it is too long. */
function hardwareFiles(
  model: CheckedModel,
  seed: number,
  designOf: DesignOf,
): Readonly<Record<string, string>> {
  const filesOf = (each: CheckedModel): Record<string, string> => {
    const design = designOf(each, seed);
    return { ...verilogFiles(design), ...testbenchFiles(each, design, { images }) };
  };
  const files = filesOf(model);
  const bytes = Object.values(files).reduce((sum, text) => sum + text.length, 0);
  return bytes <= maxTextBytes ? files : filesOf(smallLayer(seed));
}

/** Run the testbench of a design, which checks the scores itself. */
function testbench(target: string, files: Readonly<Record<string, string>>): string {
  return inFolder((folder) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const flags = 'VERILATOR_FLAGS=-O0 -CFLAGS -O0';
    const { status, stdout, stderr } = spawnSync('make', [target, flags], {
      cwd: folder,
      encoding: 'utf8',
    });
    return status === 0 && stdout.includes(`PASS ${images} images`)
      ? ''
      : `${stdout}${stderr}`.slice(-400);
  });
}

const hardware = (name: string, target: string): Compared[] => [
  {
    name: `${name}, unrolled`,
    difference: (given, seed) =>
      Promise.resolve(
        testbench(target, hardwareFiles(unrolledModel(given, seed), seed, unrolledOf)),
      ),
  },
  {
    name: `${name}, folded`,
    difference: (given, seed) =>
      Promise.resolve(testbench(target, hardwareFiles(foldedModel(given, seed), seed, foldedOf))),
  },
];

/** A main that reads images and prints a line of scores for each. */
const mainText = (header: string, prefix: string): string => {
  const macro = prefix.toUpperCase();
  return `#include <stdio.h>
#include "${header}"
int main(void)
{
  static uint8_t pixels[${macro}_PIXELS];
  int32_t scores[${macro}_SCORES];
  while (fread(pixels, 1, sizeof pixels, stdin) == sizeof pixels) {
    ${prefix}_run(pixels, scores);
    for (int k = 0; k < ${macro}_SCORES; k++) printf("%ld ", (long)scores[k]);
  }
  return 0;
}
`;
};

const c: Compared = {
  name: 'exported C, with sanitizers',
  difference(model) {
    const { prefix, files } = exportC(model, { name: 'net' });
    const [header, source] = Object.keys(files);
    return Promise.resolve(
      inFolder((folder) => {
        for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
        writeFileSync(join(folder, 'main.c'), mainText(header, prefix));
        const flags = [
          '-std=c99',
          '-O1',
          '-fsanitize=address,undefined',
          '-fno-sanitize-recover=all',
        ];
        const built = spawnSync('gcc', [...flags, 'main.c', source, '-o', 'run'], {
          cwd: folder,
          encoding: 'utf8',
        });
        if (built.status !== 0) return built.stderr.slice(0, 400);
        const pixels = pixelsFor(model, 3);
        const run = spawnSync(join(folder, 'run'), [], {
          input: pixels,
          encoding: 'utf8',
          maxBuffer: 2 ** 28,
        });
        if (run.status !== 0) return run.stderr.slice(0, 400);
        return scoresDifference(model, pixels, run.stdout.trim().split(/\s+/).map(Number));
      }),
    );
  },
};

/** What is needed of onnxruntime, which is no dependency: `pnpm setup:peers` brings it. */
interface Runtime {
  readonly Tensor: new (type: 'uint8', data: Uint8Array, dims: readonly number[]) => unknown;
  readonly InferenceSession: {
    create(bytes: Uint8Array): Promise<{
      readonly inputNames: readonly string[];
      readonly outputNames: readonly string[];
      run(feeds: Record<string, unknown>): Promise<Record<string, { data: ArrayLike<number> }>>;
      release(): Promise<void>;
    }>;
  };
}

function onnxRuntime(): Compared[] {
  const load = createRequire(new URL('../../../../benchmarks/peers/package.json', import.meta.url));
  let runtime: Runtime;
  try {
    runtime = load('onnxruntime-node') as Runtime;
  } catch {
    return [];
  }
  return [
    {
      name: 'exported ONNX in onnxruntime',
      async difference(model) {
        const count = 3;
        const pixels = pixelsFor(model, count);
        const session = await runtime.InferenceSession.create(exportOnnx(model));
        try {
          const given = new runtime.Tensor('uint8', pixels, [count, ...model.input.shape]);
          const results = await session.run({ [session.inputNames[0]]: given });
          return scoresDifference(
            model,
            pixels,
            Array.from(results[session.outputNames[0]].data, Number),
          );
        } finally {
          await session.release();
        }
      },
    },
  ];
}

/** Programs that are on this machine, and the names of those that are not. */
export function programs(): {
  readonly executors: readonly Compared[];
  readonly missing: readonly string[];
} {
  const make = has('make', '--version');
  const all: readonly (readonly [string, readonly Compared[]])[] = [
    ['Icarus', make && has('iverilog', '-V') ? hardware('Icarus', 'icarus') : []],
    ['Verilator', make && has('verilator', '-V') ? hardware('Verilator', 'verilator') : []],
    ['gcc', has('gcc', '--version') ? [c] : []],
    ['onnxruntime', onnxRuntime()],
  ];
  return {
    executors: all.flatMap(([, list]) => list),
    missing: all.filter(([, list]) => list.length === 0).map(([name]) => name),
  };
}
