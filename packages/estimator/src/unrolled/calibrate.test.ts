import { readFileSync } from 'node:fs';
import type { Fabric } from '@hbnn/circuit';
import { HbnnError, parseMix, random } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { describe, expect, it } from 'vitest';
import { builtInTechnology } from '../cells/technology.ts';
import { device } from '../devices.ts';
import {
  fitArea,
  fitMeasurements,
  modelOf,
  spread,
  type UnrolledMeasurement,
} from './calibrate.ts';
import { unrolledCoefficients } from './coefficients.ts';
import { estimateAsic, estimateUnrolled, unrolledArea } from './unrolled.ts';

const file = new URL('../../test/unrolledMeasurements.json', import.meta.url);
const measured: UnrolledMeasurement[] = JSON.parse(readFileSync(file, 'utf8'));
const circuits: Fabric[] = ['lut6', 'lut4', 'gates', 'adders'];
/** A cell that adds three bits, of sky130. */
const adderGates = (circuit: Fabric): number => (circuit === 'adders' ? 5.33 : 0);

describe.each(circuits)('unrolled designs as %s', (circuit) => {
  const own = measured.filter(({ target }) => target === circuit);
  const c = unrolledCoefficients[circuit];
  const fits = fitMeasurements(own);

  it('have the coefficients that the measurements give', () => {
    expect(fits.map(({ step }) => step)).toEqual(expect.arrayContaining(['layer', 'threshold']));
    for (const { step, coefficients } of fits)
      coefficients.forEach((value, i) => {
        expect(value, `${step} ${i}`).toBeCloseTo(c.steps[step].per[i], 3);
      });
  });

  it('are met within the bands, layers of weights with a median of 3 %, whole designs of 5 %', () => {
    for (const { step, fit } of fits) expect(fit.worst, step).toBeLessThan(c.steps[step].error);
    const layer = fits.find(({ step }) => step === 'layer');
    expect(layer?.fit.median).toBeLessThan(0.03);
    expect(layer?.heldOut.worst).toBeLessThan(c.steps.layer.error);
    const whole: number[] = [];
    for (const one of own) {
      const { steps, total } = unrolledArea(modelOf(one), circuit, one.adderGates);
      for (const { name, area } of steps) {
        const is = one.steps[name];
        // What takes nothing at all has its wires in an estimate.
        expect(is === 0 || is >= area.low, `${one.seed} ${name}`).toBe(true);
        expect(is, `${one.seed} ${name}`).toBeLessThanOrEqual(area.high);
      }
      const sum = Object.values(one.steps).reduce((a, b) => a + b, 0);
      expect(sum).toBeGreaterThanOrEqual(total.low);
      expect(sum).toBeLessThanOrEqual(total.high);
      whole.push(total.value / sum - 1);
    }
    expect(spread(whole).median).toBeLessThan(0.05);
  });
});

describe('fitArea', () => {
  it('finds coefficients exactly where they are exact, and none below 0', () => {
    const parts = [
      [1, 2],
      [3, 1],
      [2, 2],
    ];
    const { coefficients, errors } = fitArea(
      parts,
      parts.map(([a, b]) => 3 * a + 5 * b),
    );
    expect(coefficients[0]).toBeCloseTo(3, 9);
    expect(coefficients[1]).toBeCloseTo(5, 9);
    expect(spread(errors).worst).toBeLessThan(1e-9);
    const below = fitArea(
      parts,
      parts.map(([a, b]) => 9 * a - b),
    );
    expect(below.coefficients[1]).toBe(0);
  });

  it('asks for more measurements than it has', () => {
    expect(() => fitArea([[1, 2]], [3])).toThrow(HbnnError);
    expect(() => fitMeasurements([])).toThrow(/measure more layers/);
  });
});

describe('unrolled estimates', () => {
  const seeds = Array.from({ length: 25 }, (_, seed) => seed);
  const zc706 = device('zc706');
  const cells = builtInTechnology(45);

  it('grow with a quarter more inputs or outputs and with bits of every weight, and never are nothing', () => {
    for (const seed of seeds) {
      const rng = random('unrolled', seed);
      // With fewer inputs a constant decides: 16 x 2 at 2 bits is synthesized to 69 LUTs, at 3 bits to 64.
      const [inputs, outputs] = [24 + rng.below(100), 1 + rng.below(12)];
      const of = (n: number, m: number, mix: string): number[] => {
        const model = randomModel(seed, { layer: `dense:${n}x${m}`, mix: parseMix(mix) });
        return circuits.map(
          (circuit) => unrolledArea(model, circuit, adderGates(circuit)).total.value,
        );
      };
      const grows = (name: string, from: readonly number[], to: readonly number[]): void => {
        to.forEach((area, k) => {
          expect(from[k], `seed ${seed}, ${name}, ${circuits[k]}`).toBeGreaterThan(0);
          expect(area, `seed ${seed}, ${name}, ${circuits[k]}`).toBeGreaterThan(from[k]);
        });
      };
      const [one, two, three] = ['1', '0/1', '0/0/1'].map((mix) => of(inputs, outputs, mix));
      // 1.4 bits, one to three in each weight: 2 bits in each are more of some and fewer of others.
      const mixed = of(inputs, outputs, '0.7/0.2/0.1');
      grows('1 to 2 bits', one, two);
      grows('2 to 3 bits', two, three);
      grows('1 to 1.4 bits', one, mixed);
      grows('1.4 to 3 bits', mixed, three);
      for (const mix of ['1', '0/1', '0.7/0.2/0.1']) {
        const base = of(inputs, outputs, mix);
        grows(`${mix}, inputs`, base, of(Math.ceil(1.25 * inputs), outputs, mix));
        grows(`${mix}, outputs`, base, of(inputs, Math.ceil(1.25 * outputs), mix));
      }
    }
  });

  it('exist for any model, with every figure above 0 in its band and its origin named', () => {
    const check = (value: unknown): void => {
      if (typeof value === 'number') expect(Number.isFinite(value) && value > 0).toBe(true);
      if (typeof value !== 'object' || value === null) return;
      if ('low' in value && 'high' in value && 'value' in value && 'from' in value) {
        expect(value.low).toBeLessThanOrEqual(value.value as number);
        expect(value.high).toBeGreaterThanOrEqual(value.value as number);
        expect(value.from).not.toBe('');
        expect(value.value).toBeGreaterThan(0);
        return;
      }
      for (const part of Object.values(value)) check(part);
    };
    for (const seed of seeds) {
      const model = randomModel(seed);
      check(estimateUnrolled(model, zc706, 1e8));
      check(estimateAsic(model, cells, { framesPerSecond: 1000 }));
    }
  });

  it('put the logic of a 1-bit operation below the whole of published silicon, by less than ten times', () => {
    // XNORBIN, 65 nm at 0.8 V: 10.5 fJ per operation with its memories and clock.
    const xnorbinJ = 10.5e-15;
    const model = randomModel(1, { layer: 'dense:72x8', mix: parseMix('1') });
    const at = builtInTechnology(65, 0.8);
    const { energyPerOperationJ } = estimateAsic(model, at, { framesPerSecond: 1, xnors: 576 });
    expect(energyPerOperationJ?.value).toBeGreaterThan(xnorbinJ / 10);
    expect(energyPerOperationJ?.high).toBeLessThan(xnorbinJ);
  });

  it('take a library’s adders where they are smaller than gates', () => {
    const model = randomModel(1, { layer: 'dense:72x8', mix: parseMix('1') });
    const gates = (fullAdderGates?: number): number =>
      estimateAsic(
        model,
        { ...cells, ...(fullAdderGates !== undefined && { fullAdderGates }) },
        { framesPerSecond: 1 },
      ).gates.value;
    expect(gates(3.5)).toBeLessThan(gates());
    expect(gates(30)).toBe(gates());
    expect(() => unrolledArea(model, 'adders')).toThrow(/expected the size of an adder/);
  });

  it('refuse a clock, a rate and an activity that are none', () => {
    const model = randomModel(1, { layer: 'dense:8x2' });
    expect(() => estimateUnrolled(model, zc706, 0)).toThrow(HbnnError);
    expect(() => estimateAsic(model, cells, { framesPerSecond: -1 })).toThrow(
      'rate: expected images per second above 0, got -1',
    );
    expect(() =>
      estimateAsic(model, cells, { framesPerSecond: 1, activity: { perNet: 0, from: 'given' } }),
    ).toThrow(HbnnError);
  });
});
