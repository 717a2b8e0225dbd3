// The playgrounds' parts that need no browser.
import { encodeNpy, floatTensor, HbnnError, random } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { withNoBreaks } from '../.vitepress/noBreaks.ts';
import {
  binarized,
  comparisonRow,
  comparisonRows,
  levels,
  maxLevels,
  normalTensor,
  rules,
} from '../components/bits/bitsState.ts';
import { mapPicture, mapWords, weightAt } from '../components/bits/mapPicture.ts';
import { checkFileSize, maxValues, tensorOfFile } from '../components/bits/tensorFile.ts';
import { gridOf } from '../components/classify/featureGrid.ts';
import { networkInput, side } from '../components/classify/images.ts';
import { buildHardware } from '../components/hardware/buildHardware.ts';
import { fittingFold, pesOf, simdsOf } from '../components/hardware/hardwareChoice.ts';
import { SynthesisProgress } from '../components/hardware/synthesisMessages.ts';
import { rowsOf } from '../components/hardware/treeRows.ts';
import { verilogParts } from '../components/hardware/verilogParts.ts';
import type { JobOrder, JobReport, JobWorker } from '../components/shared/latestJob.ts';
import { LatestJob } from '../components/shared/latestJob.ts';
import { oneOf, readAddress, within } from '../components/shared/urlState.ts';
import { RecentLoss } from '../components/train/recentLoss.ts';

describe('bits', () => {
  const choice = { average: 1.4, rule: 'optimal', mapPer: 'element', scalePer: 'output' } as const;

  it('says why weights near 1e38 have no optimal, and compares the other rules', () => {
    const rng = random(1);
    const huge = floatTensor(
      Float32Array.from({ length: 2304 }, () =>
        Math.max(-3.4e38, Math.min(3.4e38, 1e38 * rng.normal())),
      ),
      [16, 144],
    );
    expect(() => binarized(huge, choice)).toThrow(
      /sums of scales that fit float32.*scale the tensor down/,
    );
    const rows = comparisonRows.map((_, at) => comparisonRow(huge, choice, at));
    expect(rows.map(({ name }) => name)).toEqual([
      ...rules,
      'all 1 bit',
      'all 2 bits',
      'all 3 bits',
      'all 4 bits',
    ]);
    expect(rows.filter(({ problem }) => problem !== undefined).map(({ name }) => name)).toEqual([
      'optimal',
    ]);
  });

  it.each([0, 0.2, 3, 5.5, 8])('binarizes by every rule at an average of %d', (average) => {
    for (const rule of rules) {
      const { stored, distance } = binarized(normalTensor(), {
        ...choice,
        average,
        rule,
        scalePer: 'tensor',
      });
      expect(stored.signs / 4608).toBeCloseTo(average, 3);
      expect(distance).toBeLessThanOrEqual(1);
    }
  });

  it('stops collecting values when they are too many for stems', () => {
    const values = Float32Array.from({ length: 1000 }, (_, i) => i % 500);
    expect(levels(values, new Uint8Array(1000).fill(2))).toHaveLength(maxLevels + 1);
    expect(
      levels(
        values.map((value) => value % 3),
        new Uint8Array(1000).fill(2),
      ),
    ).toEqual([
      { value: 0, bits: 2, count: 334 },
      { value: 1, bits: 2, count: 334 },
      { value: 2, bits: 2, count: 332 },
    ]);
  });

  it('reads a file, and refuses with the value what float32 does not hold', () => {
    const file = (values: number[]): Uint8Array =>
      encodeNpy({ shape: [values.length], data: Float64Array.from(values) });
    expect([...tensorOfFile(file([1, -2.5]), 'a.npy').data]).toEqual([1, -2.5]);
    expect(() => tensorOfFile(file([1, 2, -1e39, 4]), 'a.npy')).toThrow(
      'a.npy: expected values that float32 holds (below 3.4e38), got -1e+39 at index 2; divide the array by a number first',
    );
    expect(() => tensorOfFile(file([1e-60, 0]), 'a.npy')).toThrow(
      /above 1e-45\), got 1e-60 as the largest/,
    );
    expect([...tensorOfFile(file([1e-60, 1]), 'a.npy').data]).toEqual([0, 1]);
    expect(() => tensorOfFile(file([1, Number.POSITIVE_INFINITY]), 'a.npy')).toThrow(
      /Infinity at index 1/,
    );
    expect(() => tensorOfFile(file([1, Number.NaN]), 'a.npy')).toThrow(/NaN at index 1/);
    const long = encodeNpy({ shape: [maxValues + 1], data: new Int8Array(maxValues + 1) });
    expect(() => tensorOfFile(long, 'a.npy')).toThrow(/at most 4,194,304 values, got 4,194,305/);
    expect(() => checkFileSize(5e9, 'a.npy')).toThrow(HbnnError);
    checkFileSize(8 * maxValues + 128, 'a.npy');
  });

  it.each([
    [[32, 3, 3, 16], 144, 32],
    [[200_000], 1021, 196],
    [[1, 200_000], 1021, 196],
    [[200_000, 1], 1023, 391],
    [[2, 300_000], 1024, 586],
    [[512, 4608], 922, 855],
    [[4096, 1024], 1024, 1024],
    [[1], 1, 1],
    [[4_194_304], 1024, 1024],
  ])('lays out a map of shape %j', (shape, columns, rows) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const picture = mapPicture(count, shape);
    expect({ columns: picture.columns, rows: picture.rows }).toEqual({ columns, rows });
    // How often each weight is drawn; the last place counts what is no weight.
    const drawn = new Uint8Array(count + 1);
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++) {
        const weight = weightAt(picture, x, y);
        if (weight !== undefined) drawn[Math.min(weight, count)]++;
      }
    const { outputStep, inputStep, outputs, inputs } = picture;
    const once = drawn.reduce((sum, times) => sum + Number(times === 1), 0);
    expect(once).toBe(Math.ceil(outputs / outputStep) * Math.ceil(inputs / inputStep));
    expect(Math.max(...new Set(drawn))).toBe(1);
    expect(drawn[count]).toBe(0);
    expect(/every \d+\w\w/.test(mapWords(picture))).toBe(outputStep * inputStep > 1);
  });
});

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

describe('hardware: folds', () => {
  it('are brought to what divides the layer, with a word', () => {
    expect(pesOf(8)).toEqual([1, 2, 4, 8]);
    expect(simdsOf(2)).toEqual([1, 2]);
    expect(fittingFold('PE', 4, pesOf(8), 'the 8 outputs')).toEqual({ fold: 4, said: '' });
    expect(fittingFold('PE', 32, pesOf(8), 'the 8 outputs')).toEqual({
      fold: 8,
      said: 'PE: expected a divisor of the 8 outputs (1, 2, 4, 8), got 32; the page takes 8.',
    });
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

describe('the address', () => {
  const start = { average: 1.4, rule: 'a', weights: '' };
  const allowed = { average: within(0, 8), rule: oneOf(['a', 'b']), weights: oneOf(['', 'x']) };
  const read = (query: string) => readAddress(new URLSearchParams(query), start, allowed);

  it('is read where it is allowed', () => {
    expect(read('average=2.5&rule=b&other=1')).toEqual({
      state: { average: 2.5, rule: 'b', weights: '' },
      refused: [],
    });
  });

  it.each([
    'average=',
    'average=9',
    'average=-1',
    'average=1e999',
    'average=NaN',
    'average=1,5',
    'rule=c',
    'rule=',
  ])('is refused with words: %s', (query) => {
    const { state, refused } = read(query);
    expect(state).toEqual(start);
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatch(
      /^The address has \w+=.*: expected (a number from 0 to 8|one of a, b); the page starts from (1.4|a)\.$/,
    );
  });

  it('takes no key that only objects have, and quotes no more than is needed', () => {
    expect(read('__proto__=1&toString=2&constructor=3')).toEqual({ state: start, refused: [] });
    expect(read(`rule=${'<b>'.repeat(5000)}`).refused[0].length).toBeLessThan(140);
  });
});

describe('the latest job', () => {
  class FakeWorker extends EventTarget implements JobWorker {
    readonly orders: JobOrder<string>[] = [];
    ended = false;
    postMessage(message: JobOrder<string>): void {
      this.orders.push(message);
    }
    terminate(): void {
      this.ended = true;
    }
    say(data: JobReport<string>): void {
      this.dispatchEvent(new MessageEvent('message', { data }));
    }
  }
  function started(patienceMs: number) {
    const workers: FakeWorker[] = [];
    const heard: string[] = [];
    const job = new LatestJob<string, string>(
      () => {
        const worker = new FakeWorker();
        workers.push(worker);
        return worker;
      },
      patienceMs,
      {
        hear: (news, latest) => heard.push(`${news}${latest ? '' : ' (old)'}`),
        end: (problem, lost) => heard.push(`end ${problem ?? ''}${lost ? ' lost' : ''}`.trim()),
      },
    );
    return { job, workers, heard };
  }
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  it('of many asked for, does the first and the last', () => {
    const { job, workers, heard } = started(10_000);
    for (const order of ['a', 'b', 'c', 'd']) job.ask(order);
    const [worker] = workers;
    worker.say({ kind: 'news', id: 1, news: 'picture a' });
    worker.say({ kind: 'end', id: 1 });
    worker.say({ kind: 'news', id: 2, news: 'picture d' });
    worker.say({ kind: 'end', id: 2 });
    expect(worker.orders).toEqual([
      { kind: 'job', id: 1, order: 'a' },
      { kind: 'drop', id: 1 },
      { kind: 'job', id: 2, order: 'd' },
    ]);
    expect(heard).toEqual(['picture a (old)', 'picture d', 'end']);
    expect(workers).toHaveLength(1);
    job.stop();
  });

  it('replaces a worker that does not come to an end, and hears no more of it', async () => {
    const { job, workers, heard } = started(20);
    job.ask('a');
    job.ask('b');
    await wait(60);
    expect(workers.map(({ ended }) => ended)).toEqual([true, false]);
    workers[0].say({ kind: 'news', id: 1, news: 'late' });
    workers[1].say({ kind: 'problem', id: 2, text: 'no such rule' });
    expect(heard).toEqual(['end no such rule']);
    job.stop();
  });

  it('starts anew after its worker was lost', () => {
    const { job, workers, heard } = started(1000);
    job.ask('a');
    job.ask('b');
    workers[0].dispatchEvent(new Event('error'));
    expect(heard).toEqual([
      'end its files could not be loaded; reload the page if this stays lost',
    ]);
    job.ask('c');
    expect(workers[1].orders).toEqual([{ kind: 'job', id: 2, order: 'c' }]);
    job.stop();
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
