// The playgrounds' parts that need no browser.
import { random } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { withNoBreaks } from '../.vitepress/noBreaks.ts';
import { gridOf } from '../components/classify/featureGrid.ts';
import { networkInput, side } from '../components/classify/images.ts';
import { pictureOf, pictureText } from '../components/classify/pictureText.ts';
import { buildHardware } from '../components/hardware/buildHardware.ts';
import { figureWords } from '../components/hardware/figureWords.ts';
import { fittingFold, pesOf, simdsOf } from '../components/hardware/hardwareChoice.ts';
import { SynthesisProgress } from '../components/hardware/synthesisMessages.ts';
import { rowsOf } from '../components/hardware/treeRows.ts';
import { verilogParts } from '../components/hardware/verilogParts.ts';
import {
  barWords,
  shownCycleWords,
  waveformHeading,
  waveformWords,
} from '../components/hardware/waveformWords.ts';
import { collapseWords, tiesOf } from '../components/train/collapse.ts';
import { RecentLoss } from '../components/train/recentLoss.ts';
import { TrainClock } from '../components/train/trainClock.ts';
import { numberFault, statusWords } from '../components/train/trainWords.ts';

describe('classify: a picture becomes what the networks know', () => {
  type Pixel = readonly [number, number, number, number];
  const [white, black, clear]: Pixel[] = [
    [255, 255, 255, 255],
    [0, 0, 0, 255],
    [0, 0, 0, 0],
  ];
  /** A bar across the middle, the rest ground. */
  const picture = (width: number, height: number, ground: Pixel, ink: Pixel): number[] =>
    Array.from({ length: width * height }, (_, i) => {
      const [x, y] = [i % width, Math.floor(i / width)];
      const inside = Math.abs(x - width / 2) < width / 5 && Math.abs(y - height / 2) < height / 5;
      return inside ? ink : ground;
    }).flat();

  it.each([
    ['a white photo', white, black],
    ['a black photo', black, white],
    ['ink on nothing', clear, black],
    ['chalk on nothing', clear, white],
  ])('%s, square, wide and high: light on black', (_, ground, ink) => {
    for (const [width, height] of [
      [28, 28],
      [28, 14],
      [9, 28],
      [28, 3],
    ]) {
      const input = networkInput(picture(width, height, ground, ink), width);
      const at = (x: number, y: number): number => input[y * side + x];
      expect([at(0, 0), at(27, 0), at(0, 27), at(27, 27)], `${width} × ${height}`).toEqual([
        0, 0, 0, 0,
      ]);
      expect(at(14, 14), `${width} × ${height}`).toBe(255);
      expect(at((28 - width) >> 1, 14)).toBe(0);
    }
  });

  it('half-covered ink is grey, and nothing at all is black', () => {
    const input = networkInput(picture(28, 28, clear, [0, 0, 0, 128]), 28);
    expect(input[14 * side + 14]).toBe(128);
    expect(Math.max(...networkInput(new Array(4 * 784).fill(0), 28))).toBe(0);
  });

  it('goes into an address and comes out of it', () => {
    const noise = random('picture');
    const pictures = [
      new Uint8Array(784),
      Uint8Array.from({ length: 784 }, () => noise.below(256)),
      Uint8Array.from({ length: 784 }, (_, i) => (i % 29 < 3 ? 255 : 0)),
    ];
    for (const picture of pictures) expect(pictureOf(pictureText(picture))).toEqual(picture);
    const [, , stripes] = pictures.map(pictureText);
    expect(stripes.length).toBeLessThan(80);
    for (const text of [
      '',
      'A',
      '%',
      'abcd',
      stripes.slice(0, -4),
      pictureText(new Uint8Array(785)),
    ])
      expect(pictureOf(text)).toBeUndefined();
  });
});

describe('train: each point of the loss curve', () => {
  it('is the mean of the images of the last 8 steps, at the end of an epoch too', () => {
    const rng = random(3);
    const recent = new RecentLoss();
    const batches = Array.from({ length: 32 }, (_, i) => (i === 31 ? 8 : 32));
    for (let epoch = 0; epoch < 3; epoch++) {
      const losses = batches.map((count) => count * rng.uniform());
      const sum = (values: number[], from: number, to: number): number =>
        values.slice(from, to).reduce((total, value) => total + value, 0);
      for (const step of [8, 16, 24, 32]) {
        const [loss, images] = [sum(losses, 0, step), sum(batches, 0, step)];
        const mean = step === 32 ? recent.reportEpoch(loss, images) : recent.report(loss, images);
        expect(mean).toBeCloseTo(sum(losses, step - 8, step) / sum(batches, step - 8, step), 10);
      }
    }
  });
});

describe('train: words', () => {
  const numbers = { rate: 0.1, epochs: 12, seed: 1 };

  it('name a wrong number until it is corrected', () => {
    expect(numberFault({ ...numbers, epochs: 1.5 })).toBe(
      'Epochs: expected a whole number from 1 to 50, got 1.5.',
    );
    expect(numberFault({ ...numbers, seed: '' as unknown as number })).toBe(
      'Seed: expected a whole number from 1 to 1000, got none.',
    );
    expect(numberFault(numbers)).toBe('');
  });

  it('say that the training is paused, whatever the worker said before', () => {
    const said = 'Building the networks; the first steps take longest …';
    const before = { said, epochs: 12 };
    expect(statusWords({ ...before, state: 'running' })).toBe(said);
    expect(statusWords({ ...before, state: 'paused' })).toBe('Paused.');
    expect(statusWords({ said: '', epochs: 12, state: 'paused', epoch: 3 })).toBe('Paused.');
    expect(statusWords({ said: '', epochs: 12, state: 'running', epoch: 12 })).toBe(
      'Training: epoch 12 of 12 …',
    );
    expect(statusWords({ said: '', epochs: 12, state: 'idle' })).toMatch(/^Loads TensorFlow/);
  });

  it('count the seconds without those in which both wait', () => {
    let ms = 0;
    const clock = new TrainClock(() => ms);
    clock.start();
    clock.start();
    ms += 3000;
    clock.stop();
    ms += 500;
    clock.stop();
    ms += 60_000;
    clock.start();
    clock.start();
    ms += 1500;
    clock.stop();
    clock.stop();
    expect(clock.seconds).toBe(5);
  });

  it('say that most images have equal scores', () => {
    const words = (scores: number[], classes: number): string =>
      collapseWords(tiesOf(scores, classes));
    expect(words([1, 1, 1, 2, 2, 2], 3)).toBe(
      'The training collapsed: all 2 images get the same score for all classes, and each of these images counts as wrong. Choose a smaller learning rate.',
    );
    expect(words([0, 0, 5, 5, 1, 2], 2)).toContain('2 of 3 images get');
    expect(words([1, 1, 1, 2, 2, 2.5], 3)).toBe('');
    expect(words([1, 1, 2, 2], 4)).toBe('');
  });
});

describe('hardware: folds', () => {
  it('are brought to what divides the layer, with a word', () => {
    expect(pesOf(8)).toEqual([1, 2, 4, 8]);
    expect(simdsOf(2)).toEqual([1, 2]);
    expect(fittingFold('PE', 4, pesOf(8), 'the 8 outputs')).toEqual({ fold: 4, said: '' });
    expect(fittingFold('PE', 32, pesOf(8), 'the 8 outputs')).toEqual({
      fold: 8,
      said: 'PE: expected one of 1, 2, 4, 8, which divide the 8 outputs, got 32; the page takes 8.',
    });
  });
});

describe('hardware: the waveform', () => {
  const folded = { weightBits: 1, inputBits: 1, mapPer: 'element', style: 'folded' } as const;
  const waveformAt = (channels: number, outputs: number, weightBits: number, fold: number) =>
    buildHardware({
      ...folded,
      channels,
      outputs,
      weightBits,
      inputBits: weightBits === 3 ? 2 : 1,
      chip: 'xc7',
      pe: fold,
      simd: fold,
    }).waveform ?? { cycles: 0, cyclesOfTwo: 0, rows: [] };

  it('says that it is cut, and that the first scores come later', () => {
    const waveform = waveformAt(16, 32, 3, 1);
    expect(waveformHeading(waveform)).toBe('The first 20,000 cycles');
    expect(waveformWords(waveform)).toMatch(
      /^The waveform is cut at 20,000 cycles; two images take about \d{3},\d{3}\. The first scores come later\.$/,
    );
    expect(shownCycleWords(19_760, 20_000, waveform)).toBe(
      'Cycles 19,760 to 20,000 of 20,000; move to see the others',
    );
  });

  it('has two images and says when the first scores come', () => {
    const waveform = waveformAt(1, 4, 1, 1);
    expect(waveformHeading(waveform)).toBe('Two images on their way');
    const [, cycle] = /^The first scores are there at cycle ([\d,]+)\.$/.exec(
      waveformWords(waveform),
    ) ?? ['', ''];
    const scores = waveform.rows[waveform.rows.length - 1].states;
    expect(scores[Number(cycle.replaceAll(',', ''))]).toBe(2);
    // An image has 16 places.
    expect(scores.filter((state) => state === 2).length).toBeGreaterThanOrEqual(2 * 16);
    expect(barWords('sums', true, 1000, 1000)).toBe('sums: a beat a cycle moves on, cycle 1,000');
  });
});

describe('hardware: the figures', () => {
  it('are whole where Yosys counts them too', () => {
    const figure = { name: '', value: 49.8, unit: '', from: '' } as const;
    expect(figureWords(49.8, { ...figure, compared: 'layerTables' })).toBe('50');
    expect(figureWords(49.8, figure)).toBe('49.8');
    expect(figureWords(1234.5, { ...figure, compared: 'tables' })).toBe('1,235');
    expect(figureWords(7.36e-8, { ...figure, unit: 'J' })).toBe('73.6 nJ');
    expect(figureWords(1234.5, { ...figure, unit: 'um2' })).toBe('1,235 µm²');
  });

  it('name one block RAM', () => {
    const choice = {
      channels: 16,
      inputBits: 1,
      mapPer: 'element',
      style: 'folded',
      chip: 'xc7',
      pe: 4,
      simd: 4,
    } as const;
    const named = buildHardware({ ...choice, outputs: 16, weightBits: 1.4 }).figures.filter(
      ({ name }) => name.startsWith('block RAM'),
    );
    expect(named.map(({ name, value }) => `${value} ${name}`)).toEqual(['1 block RAM of 18 kbit']);
  });
});

describe('hardware: the drawing', () => {
  const choice = {
    channels: 2,
    outputs: 4,
    weightBits: 2,
    inputBits: 1.5,
    mapPer: 'element',
    style: 'unrolled',
    pe: 1,
    simd: 1,
  } as const;

  it.each(['xc7', 'ice40'] as const)('%s: names each gate as the Verilog does', (chip) => {
    const { tree, files } = buildHardware({ ...choice, chip });
    const lines = files[tree?.file ?? ''].split('\n');
    expect(tree?.nodes.length).toBeGreaterThan(50);
    for (const { kind, label, line = 0, reads } of tree?.nodes ?? []) {
      const name = /(x\[\d+\]|[nu]\d+)[:,]/.exec(label)?.[1] ?? 'no name';
      expect(lines[line - 1]).toContain(name);
      expect(kind === 'input').toBe(reads.length === 0);
      if (kind === 'input')
        expect(label).toMatch(
          /^x\[\d+\]: (bit [01] of )?input \d+ \(row [0-2], column [0-2], channel [01]\); its weight has 2 bits$/,
        );
    }
  });

  it('puts gates beside what they read', () => {
    const reads = (...nodes: number[]) => nodes.map((node) => ({ node, inverted: false }));
    const gate = (level: number, ...from: number[]) => ({
      kind: 'xor' as const,
      level,
      reads: reads(...from),
      label: '',
    });
    const nodes = [gate(0), gate(0), gate(0), gate(0), gate(1, 0, 2), gate(1, 1, 3)];
    const rows = rowsOf(nodes);
    expect(Math.abs(rows[0] - rows[2])).toBe(1);
    expect(Math.abs(rows[1] - rows[3])).toBe(1);
  });
});

describe('hardware: the colours of Verilog', () => {
  it('mark keywords, numbers and comments, and lose no letter', () => {
    const lines = [
      "  assign n12 = x[3] ^ 2'b01; // a sum",
      'module layer (input wire [7:0] x1_2, output wire y);',
      '(* keep *) wire n1;',
      '',
    ];
    for (const line of lines)
      expect(
        verilogParts(line)
          .map(({ text }) => text)
          .join(''),
      ).toBe(line);
    expect(verilogParts(lines[0]).filter(({ kind }) => kind !== undefined)).toEqual([
      { text: 'assign', kind: 'keyword' },
      { text: '3', kind: 'literal' },
      { text: "2'b01", kind: 'literal' },
      { text: '// a sum', kind: 'comment' },
    ]);
  });
});

describe('prose: blanks that do not break', () => {
  it.each([
    ['90 % of 15 s and 10 × more', '90_% of 15_s and 10_× more'],
    ['+0.16 (−0.14 … +0.45) points', '+0.16 (−0.14_…_+0.45) points'],
    ['18 (10, 18) and 95 % (93.2 to 94.1)', '18 (10,_18) and 95_% (93.2_to_94.1)'],
    ['1,351 + 613 and 63.2 % ± 1.1 %', '1,351_+_613 and 63.2_%_±_1.1_%'],
    ['PE × SIMD and 3 × 3 × 16', 'PE_×_SIMD and 3_×_3_×_16'],
    ['lookup tables × cycles, 4 shares', 'lookup tables × cycles, 4 shares'],
  ])('%s', (text, kept) => {
    expect(withNoBreaks(text).replaceAll('\u00a0', '_')).toBe(kept);
  });
});

describe('hardware: synthesis', () => {
  it('says how far it is', () => {
    const progress = new SynthesisProgress();
    expect(progress.words).toBe('Loading Yosys …');
    progress.hear({ loaded: 15e6, ofBytes: 31e6 });
    expect(progress.words).toBe('Loading Yosys: 48 % of 31 MB');
    progress.hear({ loaded: 31e6, ofBytes: 31e6 });
    expect(progress.words).toBe('Yosys is loaded. The browser compiles it …');
    progress.hear({ done: 0, files: 5 });
    expect(progress.words).toBe('Yosys is loaded. The browser compiles it …');
    progress.hear({ started: 'layer.v' });
    progress.hear({ done: 1, files: 5 });
    expect(progress.words).toBe('1 of 5 files done. Yosys is at layer.v …');
  });
});

describe('pictures of channels', () => {
  it.each([
    [28, 16],
    [14, 24],
    [7, 48],
    [3, 64],
    [1, 10],
    [1, 256],
  ])(
    'hold all channels of size %i, %i of them, and are about half as high as wide',
    (side, channels) => {
      const { columns, rows, stepX, stepY } = gridOf({ height: side, width: side, channels });
      expect(columns * rows).toBeGreaterThanOrEqual(channels);
      expect(columns * (rows - 1)).toBeLessThan(channels);
      const height = (rows * stepY) / (columns * stepX);
      expect(height).toBeGreaterThan(0.35);
      expect(height).toBeLessThan(0.6);
    },
  );
});
