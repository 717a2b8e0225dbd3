import { readFileSync } from 'node:fs';
import { HbnnError } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { readLiberty } from './liberty/liberty.ts';
import { areaFactor, energyFactor, scalingNodes } from './scaling.ts';
import { builtInTechnology, libertyTechnology } from './technology.ts';

describe('scaling', () => {
  it("gives the corrigendum's example: 32 nm at 0.9 V from 65 nm at 1.3 V is 0.1756", () => {
    const factor = energyFactor({ nm: 65, voltageV: 1.3 }, { nm: 32, voltageV: 0.9 });
    expect(factor).toBeCloseTo(0.1756, 3);
  });

  it('makes circuits smaller and thriftier from node to node', () => {
    for (const [i, nm] of scalingNodes.slice(1).entries()) {
      const [before, after] = [builtInTechnology(scalingNodes[i]), builtInTechnology(nm)];
      expect(areaFactor(scalingNodes[i], nm)).toBeLessThan(1);
      expect(after.gateSwitchJ.value).toBeLessThan(before.gateSwitchJ.value);
    }
    expect(builtInTechnology(45).gateUm2.source).toBe('unverified');
  });

  it('refuses a process that nobody has published factors of', () => {
    expect(() => builtInTechnology(28)).toThrow(HbnnError);
    expect(() => builtInTechnology(28)).toThrow(/expected one of 180, 65, 45, .* got 28/);
    expect(() => builtInTechnology(45, -1)).toThrow(/voltage/);
  });
});

describe('libertyTechnology', () => {
  const text = readFileSync(new URL('../../test/small.lib', import.meta.url), 'utf8');

  it('takes NAND2 as the gate, and the energy of a cell that has one', () => {
    // Only NAND2 has power tables. It drives 2 · (1 + 0.7) = 3.4 fF, beyond their end: rise 30 and fall 10 fJ, mean 20;
    // and ½ · 3.4 fF · 1 V² = 1.7 fJ.
    const found = libertyTechnology([readLiberty(text, 'small.lib')]);
    expect(found.gateUm2.value).toBe(2);
    expect(found.gateSwitchJ.value).toBeCloseTo(21.7e-15, 19);
    expect(found.flipFlopGates).toBe(4.5);
    expect(found.gateLeakageW?.value).toBeCloseTo(3e-9, 15);
    expect(found.gateUm2.from).toContain('small.lib');
  });

  it('says what a library lacks', () => {
    const noNand = readLiberty(
      text.replaceAll('!(A & B)', 'A & B').replace("(A B)'", 'A'),
      'a.lib',
    );
    expect(() => libertyTechnology([noNand])).toThrow(HbnnError);
    expect(() => libertyTechnology([noNand])).toThrow(/a.lib: expected a cell that is a NAND/);
    const noPower = readLiberty(text.replace(/internal_power[\s\S]*?\n {6}}\n/, ''), 'b.lib');
    expect(() => libertyTechnology([noPower])).toThrow(/b.lib: expected internal power/);
  });
});
