import { checkFolds, type Fold, parseFoldRequest } from '@hbnn/circuit';
import { HbnnError, random } from '@hbnn/core';
import { census, randomModel } from '@hbnn/model';
import { describe, expect, it } from 'vitest';
import { device, devices } from '../devices.ts';
import { finnNetworks } from './finnNetworks.ts';
import { estimateFolded, foldedAtRate, foldedCoefficients, largestFolded } from './folded.ts';
import { isBare } from './foldedBare.ts';
import { type FoldedLayer, foldedLayers } from './folding.ts';

const pynq = device('Pynq');
const estimateOf = ({ layers, folds, clockHz }: (typeof finnNetworks)[number]) =>
  estimateFolded(layers, folds, pynq, clockHz);

describe("FINN's five networks", () => {
  it.each(finnNetworks)('$name is met within the bands', (network) => {
    const { measured } = network;
    const found = estimateOf(network);
    const ratio = (ours: { value: number }, theirs: number): number => ours.value / theirs;
    expect(Math.abs(ratio(found.luts, measured.luts) - 1)).toBeLessThan(0.25);
    expect(Math.abs(ratio(found.flipFlops, measured.flipFlops) - 1)).toBeLessThan(0.25);
    expect(Math.abs(ratio(found.memoryBlocks, measured.memoryBlocks) - 1)).toBeLessThan(0.15);
    expect(Math.abs(ratio(found.dsps, measured.dsps) - 1)).toBeLessThan(0.35);
    if (measured.framesPerSecond !== undefined)
      expect(Math.abs(ratio(found.framesPerSecond, measured.framesPerSecond) - 1)).toBeLessThan(
        0.05,
      );
  });

  it('has the cycles that their config.h prints', () => {
    const cycles = (name: string): number[] => {
      const network = finnNetworks.find((one) => one.name === name);
      if (network === undefined) throw new Error(name);
      return estimateOf(network).folds.map((fold) => fold.cycles);
    };
    expect(cycles('CNV W1A1')).toEqual([
      32_400, 28_224, 20_736, 28_800, 20_736, 18_432, 32_768, 32_768, 8192,
    ]);
    expect(cycles('CNV W2A2')).toEqual([
      64_800, 112_896, 82_944, 115_200, 82_944, 73_728, 65_536, 65_536, 8192,
    ]);
    expect(cycles('LFC W1A1')).toEqual([416, 512, 512, 512]);
  });

  it('gives the coefficients of the LUTs by least squares, and holds when any one is left out', () => {
    const rows = finnNetworks.map((network) => features(network.layers, network.folds));
    const targets = finnNetworks.map(({ measured }) => measured.luts);
    const c = foldedCoefficients;
    const fitted = leastSquares(rows, targets);
    expect(fitted[0]).toBeCloseTo(c.lutsPerSumBit, 2);
    expect(fitted[1]).toBeCloseTo(c.lutsPerWindow, -1);
    expect(fitted[2]).toBeCloseTo(c.lutsPerKbit, 2);
    rows.forEach((row, i) => {
      const others = (list: readonly number[]) => list.filter((_, j) => j !== i);
      const without = leastSquares(
        rows.filter((_, j) => j !== i),
        others(targets),
      );
      const guess = row.lanes + row.parts.reduce((sum, part, k) => sum + part * without[k], 0);
      expect(Math.abs(guess / targets[i] - 1), finnNetworks[i].name).toBeLessThan(0.15);
    });
  });
});

interface Features {
  readonly lanes: number;
  readonly parts: readonly [sums: number, windows: number, kbits: number];
}

function features(layers: readonly FoldedLayer[], folds: readonly Fold[]): Features {
  let [lanes, sums, windows, kbits] = [0, 0, 0, 0];
  layers.forEach((layer, i) => {
    const { pe, simd } = folds[i];
    const { weightBits: w, inputBits: a, matrixWidth, matrixHeight, thresholds } = layer;
    lanes += foldedCoefficients.lutsPerLane * pe * simd * w * a;
    const width = Math.ceil(Math.log2(matrixWidth * (2 ** w - 1) * (2 ** a - 1) + 1)) + 1;
    sums += pe * width * (thresholds + 1);
    windows += layer.window === 'dense' ? 0 : 1;
    kbits += (matrixWidth * matrixHeight * w) / 1000;
  });
  return { lanes, parts: [sums, windows, kbits] };
}

/** Least relative squares of three coefficients, by the normal equations. */
function leastSquares(rows: readonly Features[], targets: readonly number[]): number[] {
  const a = rows.map(({ parts }, i) => parts.map((part) => part / targets[i]));
  const y = rows.map(({ lanes }, i) => (targets[i] - lanes) / targets[i]);
  const m = [0, 1, 2].map((p) => [
    ...[0, 1, 2].map((q) => a.reduce((sum, row) => sum + row[p] * row[q], 0)),
    a.reduce((sum, row, i) => sum + row[p] * y[i], 0),
  ]);
  for (let p = 0; p < 3; p++)
    for (let r = 0; r < 3; r++) {
      if (r === p) continue;
      const factor = m[r][p] / m[p][p];
      m[r] = m[r].map((value, k) => value - factor * m[p][k]);
    }
  return m.map((row, p) => row[3] / row[p]);
}

describe('folded designs', () => {
  const seeds = Array.from({ length: 60 }, (_, seed) => seed);

  it('take more the more lanes, bits, inputs and outputs there are, and never nothing', () => {
    for (const seed of seeds) {
      const rng = random('folded', seed);
      const power = (most: number): number => 2 ** rng.below(most);
      const small: FoldedLayer = {
        name: 'x',
        window: rng.below(2) ? 'conv' : 'dense',
        places: 1 + rng.below(99),
        matrixWidth: 16 * power(6),
        matrixHeight: 16 * power(5),
        rowValues: 64 * power(6),
        channels: 16,
        kernelHeight: 3,
        weightBits: 1 + rng.below(3),
        inputBits: 1 + rng.below(3),
        thresholds: 1,
        scales: 0,
      };
      const fold = { pe: power(4), simd: power(4) };
      const of = (change: Partial<FoldedLayer>, wider: Partial<Fold> = {}) =>
        estimateFolded([{ ...small, ...change }], [{ ...fold, ...wider }], pynq, 1e8);
      const base = of({});
      // Small weights are tables and not blocks, and nothing is multiplied, where no platform has its own.
      for (const on of devices)
        for (const one of ['luts', 'flipFlops', 'memoryBlocks', 'dsps'] as const)
          if (isBare(on) && one === 'dsps')
            expect(estimateFolded([small], [fold], on, 1e8)[one].value).toBe(0);
          else if (isBare(on) && one === 'memoryBlocks')
            expect(estimateFolded([small], [fold], on, 1e8)[one].value).toSatisfy(Number.isInteger);
          else expect(estimateFolded([small], [fold], on, 1e8)[one].value).toBeGreaterThan(0);
      const larger = [
        of({}, { pe: 2 * fold.pe }),
        of({}, { simd: 2 * fold.simd }),
        of({ weightBits: small.weightBits + 1 }),
        of({ inputBits: small.inputBits + 1 }),
        of({ matrixWidth: 2 * small.matrixWidth }),
        of({ matrixHeight: 2 * small.matrixHeight }),
      ];
      for (const [i, { luts, flipFlops, memoryBlocks, powerW }] of larger.entries()) {
        expect(luts.value, `seed ${seed}, change ${i}`).toBeGreaterThan(base.luts.value);
        expect(flipFlops.value).toBeGreaterThanOrEqual(base.flipFlops.value);
        expect(memoryBlocks.value).toBeGreaterThanOrEqual(base.memoryBlocks.value);
        expect(powerW?.value).toBeGreaterThan(base.powerW?.value ?? Number.NaN);
      }
      expect(larger[0].framesPerSecond.value).toBeGreaterThan(base.framesPerSecond.value);
      expect(larger[4].framesPerSecond.value).toBeLessThan(base.framesPerSecond.value);
    }
  });

  it('take no fewer flip-flops with any wider SIMD', () => {
    const layer: FoldedLayer = {
      name: 'x',
      window: 'conv',
      places: 2,
      matrixWidth: 216,
      matrixHeight: 20,
      channels: 24,
      rowValues: 72,
      kernelHeight: 3,
      weightBits: 1,
      inputBits: 1,
      thresholds: 1,
      scales: 0,
    };
    const widths = Array.from({ length: 216 }, (_, i) => i + 1).filter((n) => 216 % n === 0);
    const taken = widths.map(
      (simd) => estimateFolded([layer], [{ pe: 1, simd }], pynq, 1e8).flipFlops.value,
    );
    expect(taken).toEqual([...taken].sort((a, b) => a - b));
  });

  it('are found for any model, as large as the device allows', () => {
    for (const seed of seeds) {
      const model = randomModel(seed);
      const { steps } = census(model);
      if (!steps.some(({ fanIn }) => fanIn > 0)) continue;
      const layers = foldedLayers(census(model));
      expect(layers.length).toBe(steps.filter(({ fanIn }) => fanIn > 0).length);
      const one = estimateFolded(
        layers,
        layers.map(() => ({ pe: 1, simd: 1 })),
        pynq,
        1e8,
      );
      const most = largestFolded(layers, device('VU9P'), 1e8);
      expect(most.fits, `seed ${seed}`).toBe(true);
      expect(most.framesPerSecond.value).toBeGreaterThanOrEqual(one.framesPerSecond.value);
    }
  });

  it.each(finnNetworks)(
    'reach a rate that $name was asked for, and take less for less',
    (network) => {
      let before = 0;
      for (const rate of [100, 1000, 3000, 20_000]) {
        const found = foldedAtRate(network.layers, pynq, rate, 1e8);
        expect(found.framesPerSecond.value).toBeGreaterThanOrEqual(rate);
        expect(found.luts.value).toBeGreaterThanOrEqual(before);
        before = found.luts.value;
      }
    },
  );

  it('refuse a rate that nothing reaches', () => {
    const { layers } = finnNetworks[0];
    const at = (rate: number) => () => foldedAtRate(layers, pynq, rate, 1e8);
    expect(at(2e6)).toThrow(
      /expected at most 1190476 frames per second at this clock, got 2000000/,
    );
    expect(at(1e6)).toThrow(/L0: expected at most 17 cycles for an image, got 900 with its whole/);
    expect(at(Number.NaN)).toThrow(/frames per second above 0/);
  });

  it('say what does not fit, and what nobody knows', () => {
    const { layers, folds } = finnNetworks[0];
    expect(estimateFolded(layers, folds, device('UP5K'), 1e7).fits).toBe(false);
    expect(() => largestFolded(layers, device('up5k'), 1e7)).toThrow(
      /expected a device that holds at least one lane per layer, got \d+ luts of the 5280 of iCE40UP5K, /,
    );
    const { powerW, unknown } = estimateFolded(layers, folds, device('ECP5-85'), 1e8);
    expect(powerW).toBeUndefined();
    expect(unknown.power).toContain('ecp5');
    expect(largestFolded(layers, device('ZC706'), 2e8).luts.value).toBeGreaterThan(26_072);
  });

  it.each([
    ['16x3', 'expected 9 folds'],
    ['5x3,32x32,16x32,16x32,4x32,1x32,1x4,1x8,4x1', 'L0: expected a fold PExSIMD whose pe divides'],
    ['0x3,32x32,16x32,16x32,4x32,1x32,1x4,1x8,4x1', 'got 0x3'],
  ])('refuse the folding %s', (text, message) => {
    const request = parseFoldRequest(text);
    if (request?.kind !== 'each') throw new Error(`${text}: expected folds`);
    const check = (): void => checkFolds(finnNetworks[0].layers, request.folds as Fold[]);
    expect(check).toThrow(HbnnError);
    expect(check).toThrow(message);
  });

  it('refuse an unknown device and a clock that is none', () => {
    expect(() => device('XC9')).toThrow(/expected one of XC7Z045 = zc706.*got 'XC9'/);
    const { layers, folds } = finnNetworks[0];
    for (const clock of [0, -1, Number.NaN])
      expect(() => estimateFolded(layers, folds, pynq, clock)).toThrow(/clock: expected/);
  });
});
