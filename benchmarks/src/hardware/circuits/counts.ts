import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HbnnError } from '@hbnn/core';
import { writeWhole } from '@hbnn/train/files';
import {
  type CellFile,
  findNativeYosys,
  type LayerCost,
  NativeRunner,
  synthesisTarget,
  synthesize,
  YosysPool,
  type YosysRunner,
  YosysTimeout,
} from '@hbnn/verilog';

/** `xc7` is made of carry chains, `gates` of plain gates. */
export type Style = 'xc7' | 'gates';

/** What is counted of a circuit. */
export interface Counts {
  /** LUT6s after two tables of up to five inputs in all share one, LUTs, CARRY4s and levels. */
  readonly sites: number;
  readonly luts: number;
  readonly carry4: number;
  readonly depth: number;
  /** Gates of two inputs, inverters not counted; of the circuit of plain gates alone. */
  readonly gates?: number;
}

/** The counts of a circuit. Before they are taken, its sums are compared with the right ones for some vectors. */
export interface Found extends Counts {
  readonly vectors: number;
}

/** A circuit for which one run of Yosys took longer than the limit. */
export interface Unfinished {
  readonly overSeconds: number;
}

/** Yosys with a limit for each of its runs. */
export interface LimitedYosys extends YosysRunner {
  readonly version: string;
  readonly maxSeconds: number;
  close(): Promise<void>;
}

/**
 * Yosys of the npm package, of the machine (`native`) or of a path.
 *
 * @throws HbnnError where there is none
 */
export function limitedYosys(which: string, maxSeconds: number): LimitedYosys {
  if (which === 'npm') {
    const pool = new YosysPool();
    const close = (): Promise<void> => pool.close();
    return { version: 'npm', maxSeconds, run: (job) => pool.run({ ...job, maxSeconds }), close };
  }
  const native = findNativeYosys(which === 'native' ? undefined : which, '--yosys');
  const runner = new NativeRunner(native);
  return {
    version: native.version,
    maxSeconds,
    run: (job) => runner.run({ ...job, maxSeconds }),
    close: async () => {},
  };
}

/** What is found of a circuit, or that Yosys took too long for it. */
export async function foundWithin(
  { maxSeconds }: LimitedYosys,
  find: () => Promise<Found>,
): Promise<Found | Unfinished> {
  try {
    return await find();
  } catch (error) {
    if (error instanceof YosysTimeout) return { overSeconds: maxSeconds };
    throw error;
  }
}

/** Gates of two inputs for the count: each 1, an inverter next to nothing. */
const gateLibrary = (): CellFile => {
  const cell = (name: string, area: number, inputs: string, f: string): string =>
    `cell(${name}) { area : ${area}; ${[...inputs]
      .map((pin) => `pin(${pin}) { direction : input; capacitance : 1; }`)
      .join(' ')} pin(Y) { direction : output; function : "${f}"; } }`;
  const text = `library(two_inputs) {
${cell('NOT', 0.01, 'A', "A'")}
${cell('BUF', 0.01, 'A', 'A')}
${cell('AND', 1, 'AB', '(A B)')}
${cell('NAND', 1, 'AB', "(A B)'")}
${cell('OR', 1, 'AB', '(A+B)')}
${cell('NOR', 1, 'AB', "(A+B)'")}
${cell('ANDNOT', 1, 'AB', "(A B')")}
${cell('ORNOT', 1, 'AB', "(A+B')")}
${cell('XOR', 1, 'AB', '(A^B)')}
${cell('XNOR', 1, 'AB', "(A^B)'")}
}`;
  return { text, dontUse: [] };
};

const free = new Set(['NOT', 'BUF']);

type Files = Readonly<Record<string, string>>;

/** Synthesize a module of a design and count it. @throws HbnnError as `synthesize`; YosysTimeout past the limit */
export async function counted(
  yosys: LimitedYosys,
  files: Files,
  top: string,
  module: string,
  style: Style,
): Promise<Counts> {
  const layer = async (target: string): Promise<LayerCost> => {
    const cost = await synthesize(files, top, synthesisTarget(target, gateLibrary), {
      runner: yosys,
      runnerName: yosys.version,
    });
    const found = cost.layers.find((eachLayer) => eachLayer.layer === module);
    if (found === undefined) throw new HbnnError(`${module}: expected its count, got none`);
    return found;
  };
  const { sites = 0, luts, depth, cells } = await layer('xc7');
  const found = { sites, luts, carry4: cells.CARRY4 ?? 0, depth };
  if (style === 'xc7') return found;
  const gates = Object.entries((await layer('liberty:two_inputs')).cells)
    .filter(([type]) => !free.has(type))
    .reduce((sum, [, count]) => sum + count, 0);
  return { ...found, gates };
}

const cacheFolder = fileURLToPath(new URL('../../../../.cache/circuits/', import.meta.url));

/** The sources that read, check and count: with other code, nothing found before holds. */
const code = ['circuit', 'verilog'].flatMap((name) => {
  const folder = fileURLToPath(new URL(`../../../../packages/${name}/src/`, import.meta.url));
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8'));
});

/** What was found of a text before by the same code, or is found now. */
export async function keptResult(
  key: readonly unknown[],
  find: () => Promise<Found>,
): Promise<Found> {
  const digest = createHash('sha256')
    .update(JSON.stringify([key, code]))
    .digest('hex');
  const file = join(cacheFolder, `${digest}.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Found;
  const found = await find();
  mkdirSync(cacheFolder, { recursive: true });
  writeWhole(file, JSON.stringify(found));
  return found;
}
