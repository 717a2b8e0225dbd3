import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeModel, interpreter } from '@hbnn/model';
import { expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

const dir = temporary();
const make = (name: string, ...args: string[]) => {
  const file = join(dir, name);
  return { file, ...hbnn('random', '--out', file, '--json', ...args) };
};
const network = ['--network', 'vgg8', '--inputs', '1.4', '--input-map-per', 'channel'];

it('hbnn random --network makes a whole network of the bits that were asked for, the same for a seed', () => {
  const [first, again, other] = ['1', '1', '2'].map((seed, i) =>
    make(`${i}.hbnn`, ...network, '--weights', '1.4', '--map-per', 'position', '--seed', seed),
  );
  expect([first.code, first.err]).toEqual([0, '']);
  expect(readFileSync(first.file).equals(readFileSync(again.file))).toBe(true);
  expect(readFileSync(first.file).equals(readFileSync(other.file))).toBe(false);
  const inspected = JSON.parse(hbnn('inspect', first.file, '--json').out);
  const bits = inspected.layers
    .filter(({ name }: { name: string }) => /^(conv[2-6]|dense[78])$/.test(name))
    .map(({ averageBits }: { averageBits: number }) => averageBits);
  expect(bits).toHaveLength(7);
  for (const average of bits) expect(average).toBeCloseTo(1.4, 1);
  // Its scores are not the same for all images: thresholds lie within what values are.
  const model = decodeModel(readFileSync(first.file), first.file);
  const size = model.input.shape.reduce((product, n) => product * n, 1);
  const pixels = Uint8Array.from(
    { length: 4 * size },
    (_, i) => (Math.floor(i / size) * 60 + i * 7) % 256,
  );
  const scores = interpreter(model).run(pixels);
  const classes = model.scoreOffsets.length;
  const rows = [0, 1, 2, 3].map((n) => scores.slice(n * classes, (n + 1) * classes).join());
  expect(new Set(rows).size).toBe(4);
});

it('hbnn random refuses what goes with the other kind of model', () => {
  for (const [args, message] of [
    [['--network', 'vgg9'], "got 'vgg9'; did you mean 'vgg8'?"],
    [['--network', 'vgg8', '--layer', 'dense:4x2'], '--layer, --network: expected one of them'],
    [
      ['--network', 'vgg8', '--mix', '1'],
      '--mix: it goes with --layer, got it with --network; give --weights',
    ],
    [['--weights', '1'], '--weights: it goes with --network, got it without; give --mix'],
    [['--network', 'vgg8', '--weights', 'many'], "--weights: expected 'float', an average"],
    [['--tensor', '4', '--network', 'vgg8'], '--network: has no effect with --tensor'],
  ] as const) {
    const { code, out } = make('refused.hbnn', ...args);
    expect([code, JSON.parse(out).error], args.join(' ')).toEqual([
      2,
      expect.stringContaining(message),
    ]);
  }
});
