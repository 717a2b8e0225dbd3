import { unrolledDesign } from '@hbnn/circuit';
import { distFromAverage, random } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { simulate, switching, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';
import { GateNetwork } from '../src/simulate/gateNetwork.ts';
import { flatGates } from '../src/simulate/switching.ts';
import type { YosysCell } from '../src/yosys/yosys.ts';

const noise = (seed: number, length: number): Uint8Array => {
  const rng = random(seed, 'switching');
  return Uint8Array.from({ length }, () => rng.below(256));
};

const gate = (type: string, Y: number, A: number, B?: number): YosysCell => ({
  type,
  connections: { Y: [Y], A: [A], ...(B !== undefined && { B: [B] }) },
});

describe('GateNetwork', () => {
  // A gate and its own input through two inverters: a rising input makes it flash.
  const netlist = {
    modules: {
      top: {
        ports: { x: { direction: 'input', bits: [2] }, y: { direction: 'output', bits: [5] } },
        netnames: {},
        cells: {
          first: gate('$_NOT_', 3, 2),
          pulse: gate('$_AND_', 5, 2, 3),
        },
      },
    },
  };

  it('counts a glitch that zero delay does not have', () => {
    const network = new GateNetwork(netlist, 'top');
    const [x] = network.port('x');
    // Lane 0 rises, lane 1 falls, the others stay.
    network.set(x, 0, 0, 0);
    network.set(x, 0, 1, 1);
    network.set(x, 1, 1, 0);
    network.set(x, 1, 0, 1);
    network.step();
    const of = (name: string) => network.countsOf((cell) => cell === name);
    expect(of('first')).toEqual({ nets: 1, changes: 2, glitching: 2 });
    // Up when x rises, down when its inverse has followed; a fall shows nothing.
    expect(of('pulse')).toEqual({ nets: 1, changes: 0, glitching: 2 });
  });

  it('refuses loops and registers', () => {
    const cells = (one: YosysCell) => ({
      modules: { top: { ...netlist.modules.top, cells: { one } } },
    });
    expect(() => new GateNetwork(cells(gate('$_AND_', 5, 2, 5)), 'top')).toThrow(/loop/);
    expect(() => new GateNetwork(cells(gate('$_DFF_P_', 5, 2)), 'top')).toThrow(/\$_DFF_P_/);
  });
});

describe('switching', () => {
  const model = randomModel(4, {
    layer: 'dense:40x6',
    mix: distFromAverage(1.4),
    inputMix: distFromAverage(1),
  });
  const design = unrolledDesign(model);
  const files = verilogFiles(design);

  it('counts changes of each part over images', async () => {
    const found = await switching(model, design, files, noise(1, 40 * 300));
    expect(found.steps).toBe(299);
    expect(found.parts.map(({ part }) => part)).toEqual(['input', 'layer', 'scores', 'largest']);
    expect(found.nets).toBe(found.parts.reduce((sum, { nets }) => sum + nets, 0));
    for (const { changes, changesWithGlitches, part } of found.parts) {
      expect(changes, part).toBeGreaterThan(0.05);
      expect(changes, part).toBeLessThanOrEqual(1);
      expect(changesWithGlitches, part).toBeGreaterThanOrEqual(changes);
    }
  });

  it('is nothing for an image that repeats itself', async () => {
    const found = await switching(model, design, files, new Uint8Array(40 * 5).fill(77));
    expect(found).toMatchObject({ changes: 0, changesWithGlitches: 0 });
  });

  it('ends at the values that the simulation has', async () => {
    const pixels = noise(2, 40 * 128);
    const scores = (await simulate(model, design, files)).run(pixels);
    const network = new GateNetwork(await flatGates(design, files), design.top);
    const image = (lane: number): Uint8Array => pixels.subarray(40 * lane, 40 * (lane + 1));
    const [bits, out] = [network.port('pixels'), network.port('scores')];
    for (let lane = 0; lane < 128; lane++) {
      network.setImage(bits, lane, image((lane + 1) % 128), 0);
      network.setImage(bits, lane, image(lane), 1);
    }
    network.step();
    for (let lane = 0; lane < 128; lane++)
      for (let k = 0; k < 6; k++) {
        let score = 0;
        for (let j = 0; j < 32; j++) score |= network.bit(out[32 * k + j], lane) << j;
        expect(score).toBe(scores[6 * lane + k]);
      }
  });

  it('asks for two images', async () => {
    await expect(switching(model, design, files, noise(1, 40))).rejects.toThrow(/two images/);
  });
});
