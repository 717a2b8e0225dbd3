import { unrolledDesign } from '@hbnn/circuit';
import { parseMix, random } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { synthesisTarget, synthesize, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';
import { type Compiled, compile } from '../src/simulate/compile.ts';
import { readCellLibrary } from '../src/synthesize/cellLibrary.ts';
import { type MappedModule, mappedModules } from '../src/synthesize/synthesizeModules.ts';
import { readCommand, type YosysNetlist, yosys } from '../src/yosys/yosys.ts';
import { YosysPool } from '../src/yosys/yosysPool.ts';

interface Adders {
  readonly full: readonly [sum: string, carry: string];
  readonly half?: readonly [sum: string, carry: string];
  readonly fullArea?: number;
  readonly dontUse?: boolean;
}

/** A small library: inverter, buffer, NAND2, and cells that add, whose names and pins say nothing. */
function library({ full, half, fullArea = 8 }: Adders): string {
  const pins = (names: string) =>
    [...names].map((pin) => `pin(${pin}) { direction : input; capacitance : 1; }`).join(' ');
  const output = (pin: string, f: string) =>
    `pin(${pin}) { direction : output; function : "${f}"; }`;
  const adder = (name: string, area: number, inputs: string, [sum, carry]: readonly string[]) =>
    `cell(${name}) { area : ${area}; ${pins(inputs)} ${output('U', carry)} ${output('V', sum)} }`;
  return `library(small) {
cell(INV) { area : 1; ${pins('P')} ${output('Y', "P'")} }
cell(BUFFER) { area : 2; ${pins('P')} ${output('Y', 'P')} }
cell(NAND2) { area : 2; ${pins('PQ')} ${output('Y', "(P Q)'")} }
${adder('first', fullArea, 'PQR', full)}
${half === undefined ? '' : adder('second', 5, 'PQ', half)}
}`;
}

const majority = '(P Q) + (P R) + (Q R)';
const libraries: Readonly<Record<string, Adders>> = {
  'plain outputs': { full: ['P ^ Q ^ R', majority], half: ['P ^ Q', 'P Q'] },
  'inverted outputs': { full: ["(P ^ Q ^ R)'", `(${majority})'`], half: ["(P ^ Q)'", "(P Q)'"] },
  'an inverted input': {
    full: ["(P ^ Q ^ R)'", "(P' Q) + (P' R) + (Q R)"],
    half: ['P ^ Q', "P' Q"],
  },
  'no half adder': { full: ['P ^ Q ^ R', majority] },
};

const design = unrolledDesign(
  randomModel(71, { layer: 'dense:24x3', mix: parseMix('0.7/0.2/0.1') }),
);
const files = { 'layer.v': verilogFiles(design)['layer.v'] };

async function compiled(commands: string, given: Record<string, string>): Promise<Compiled> {
  const script = `${commands}\nhierarchy -check -top layer\nproc\nflatten -noscopeinfo\nsimplemap\nopt_clean\nwrite_json\n`;
  return compile(JSON.parse((await yosys(script, given)).output) as YosysNetlist, 'layer');
}

/** Outputs of 128 vectors at a time, several times. */
function outputs(one: Compiled, seed: number): number[] {
  const rng = random(seed, 'vectors');
  return Array.from({ length: 8 }, () => {
    for (const slot of one.slots('x') ?? [])
      for (let w = 0; w < 4; w++) one.memory[4 * slot + w] = rng.below(2 ** 32);
    one.evaluate();
    return (one.slots('y') ?? []).flatMap((slot) => [...one.memory.slice(4 * slot, 4 * slot + 4)]);
  }).flat();
}

async function mappedWithAdders(text: string): Promise<MappedModule> {
  const pool = new YosysPool(1);
  try {
    const file = { text, dontUse: [] };
    const cells = await readCellLibrary(pool, [file], 'liberty:cells.lib');
    const target = synthesisTarget('liberty:small', () => file);
    const mapping = { target, library: cells, adders: cells.adders };
    return (await mappedModules(pool, files, ['layer'], mapping))[0];
  } finally {
    await pool.close();
  }
}

describe.each(Object.entries(libraries))('cells that add, %s', (_, adders) => {
  const text = library(adders);

  it('make a layer that computes what its text says', async () => {
    const seed = 9;
    const { made } = await mappedWithAdders(text);
    const types = Object.values(made.cells).map(({ type }) => type);
    expect(types).toContain('first');
    expect(types.includes('second')).toBe(adders.half !== undefined);
    const gold = await compiled(readCommand(Object.keys(files)), files);
    const gate = await compiled('read_liberty cells.lib\nread_json layer.json', {
      'cells.lib': text,
      'layer.json': JSON.stringify({ modules: { layer: made } }),
    });
    expect(outputs(gate, seed), `seed ${seed}`).toEqual(outputs(gold, seed));
  });
});

describe('of the ways to add', () => {
  const all = verilogFiles(design);
  const cost = async (adders: Adders) => {
    const file = { text: library(adders), dontUse: adders.dontUse ? ['first'] : [] };
    const target = synthesisTarget('liberty:small', () => file);
    const { layers } = await synthesize(all, design.top, target);
    return layers.find(({ layer }) => layer === 'layer');
  };

  it('takes adders where they are smaller, and says so', async () => {
    const layer = await cost(libraries['inverted outputs']);
    expect(layer?.adderCells).toBe((layer?.cells.first ?? 0) + (layer?.cells.second ?? 0));
    expect(layer?.adderCells).toBeGreaterThan(0);
    expect(layer?.area).toBeLessThan(layer?.gatesArea ?? 0);
  });

  it('takes gates where those are smaller, or cells are not to be used', async () => {
    const large = await cost({ ...libraries['plain outputs'], half: undefined, fullArea: 1000 });
    expect(large?.adderCells).toBe(0);
    expect(large?.cells).not.toHaveProperty('first');
    expect(large?.area).toBe(large?.gatesArea);
    const unused = await cost({ ...libraries['plain outputs'], dontUse: true });
    expect(unused).not.toHaveProperty('adderCells');
    expect(unused?.area).toBe(large?.area);
  });
});
