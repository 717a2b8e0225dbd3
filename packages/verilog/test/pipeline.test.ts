import { endLevel, Netlist, nodeOf, pipelined, scheduleOf, unrolledDesign } from '@hbnn/circuit';
import { distFromAverage, random } from '@hbnn/core';
import { type CheckedModel, randomModel } from '@hbnn/model';
import { testbenchFiles, verify, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

/** A random netlist of gates and counters. */
function randomNet(seed: number): Netlist {
  const rng = random(seed, 'net');
  const net = new Netlist(9);
  const pool = Array.from({ length: 9 }, (_, i) => net.input(i));
  const pick = (): number => pool[rng.below(pool.length)] ^ rng.below(2);
  for (let i = 0; i < 60; i++) {
    const kind = rng.below(5);
    if (kind === 0) pool.push(net.and(pick(), pick()));
    else if (kind === 1) pool.push(net.xor3(pick(), pick(), pick()));
    else if (kind === 2) pool.push(net.mux(pick(), pick(), pick()));
    else if (kind === 3) pool.push(net.majority(pick(), pick(), pick()));
    else pool.push(...net.cell('add3', Array.from({ length: 14 }, pick), 6));
  }
  net.outputs.push(...pool.slice(-12));
  return net;
}

/** Registers on every way from an input to a literal; undefined where ways differ. */
function registersTo(net: Netlist): (number | undefined)[] {
  const counts: (number | undefined)[] = [];
  for (let node = 0; node < net.size; node++) {
    const kind = net.kind(node);
    const reads = net.reads(node).filter((literal) => nodeOf(literal) !== 0);
    const before = new Set(reads.map((literal) => counts[nodeOf(literal)]));
    const count = reads.length === 0 ? 0 : before.size === 1 ? [...before][0] : undefined;
    counts.push(count === undefined ? undefined : count + (kind === 'register' ? 1 : 0));
  }
  return net.outputs.map((output) => counts[nodeOf(output)]);
}

it.each([1, 2, 3, 5, 9])('levels of at most %i, the same registers on all ways', (most) => {
  for (let seed = 0; seed < 20; seed++) {
    const net = randomNet(seed);
    const start = seed % (most + 1);
    const schedule = scheduleOf(net, most, start);
    const piped = pipelined(net, schedule, schedule.depth + (seed % 2));
    const ways = registersTo(piped).filter((_, i) => nodeOf(piped.outputs[i]) !== 0);
    expect(new Set(ways), `seed ${seed}`).toEqual(new Set([schedule.depth + (seed % 2)]));
    // An adder of six outputs is three levels deep, whatever the budget.
    expect(schedule.deepest, `seed ${seed}`).toBeLessThanOrEqual(Math.max(most, 3));
    const levels = piped.outputs.map((output) => piped.level(output));
    expect(Math.max(...levels)).toBeLessThanOrEqual(Math.max(most, 3));
    if (start === 0 && seed % 2 === 0)
      expect(endLevel(net, schedule, schedule.depth)).toBe(Math.max(...levels));
  }
});

describe.each(['gates', 'xc7'] as const)('a pipelined design of style %s', (style) => {
  it.each([
    [36, 1],
    [87, 6],
  ])(
    'computes what the interpreter does, an image per cycle, seed %i, %i levels',
    async (seed, maxLevels) => {
      const model = randomModel(seed);
      const design = unrolledDesign(model, { style, maxLevels });
      expect(design.latencyCycles).toBeGreaterThan(0);
      const result = await verify(model, design, verilogFiles(design), { images: 300, seed });
      expect(result.difference, `seed ${seed}`).toBeUndefined();
    },
  );
});

describe('verify of a pipelined design', () => {
  const model: CheckedModel = randomModel(3, { layer: 'dense:30x4', mix: distFromAverage(1.4) });
  const design = unrolledDesign(model, { maxLevels: 3 });
  const files = verilogFiles(design);

  it('finds a register that is missing', async () => {
    const [, register, from] = /(n\d+) <= (n\d+);/.exec(files['layer.v']) ?? [];
    const broken = files['layer.v']
      .replace(`  reg ${register};`, `  wire ${register} = ${from};`)
      .replace(`    ${register} <= ${from};\n`, '');
    expect(broken).not.toBe(files['layer.v']);
    const result = await verify(model, design, { ...files, 'layer.v': broken });
    expect(result).toMatchObject({ equal: false, difference: { layer: 'layer' } });
  });

  it('takes text that says the same in other words', async () => {
    const other = files['layer.v'].replace(/= (n\d+) \^ (n\d+);/, '= ($1 | $2) & ~($1 & $2);');
    expect(other).not.toBe(files['layer.v']);
    const result = await verify(model, design, { ...files, 'layer.v': other }, { effort: 0.05 });
    expect(result).toMatchObject({ equal: true, vectorsPerLayer: 2176 });
  });

  it('says its latency and its deepest stage in the text', () => {
    const { top, latencyCycles, deepestLevels } = design;
    expect(files[`${top}.v`]).toContain(`Latency ${latencyCycles} cycle(s); an image per cycle`);
    expect(files[`${top}.v`]).toContain(`At most ${deepestLevels} levels`);
    expect(testbenchFiles(model, design)['testbench.v']).toContain(`cycle - ${latencyCycles}`);
  });

  it('refuses a budget that is none', () => {
    expect(() => unrolledDesign(model, { maxLevels: 0 })).toThrow(
      'levels: expected a whole number',
    );
  });
});
