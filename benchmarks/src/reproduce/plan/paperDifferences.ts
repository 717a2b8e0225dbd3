import { figures, table1 } from '../paper.ts';

const printed = (row: number): number => {
  const found = table1.find(([number]) => number === row);
  if (found === undefined) throw new Error(`Table 1 has no row ${row}`);
  return found[5];
};

const { middle_out, bottom_up, top_down, random, one_bit, two_bit } = figures.figure2b;

/** What the paper prints for a plan's claims, by id: points of ImageNet top-1, a minus b. Claims that are not here are ours. */
export const paperDifferences: Readonly<Record<string, number>> = {
  'alexnet-1.4-is-2': middle_out - two_bit,
  'alexnet-above-1': middle_out - one_bit,
  'alexnet-above-bottom-up': middle_out - bottom_up,
  'alexnet-above-top-down': middle_out - top_down,
  'alexnet-above-random': middle_out - random,
  'alexnet-1.4-is-2-inputs': printed(13) - printed(11),
  'mobilenet-1.4-is-2-inputs': printed(23) - printed(19),
  'mobilenet-above-1-inputs': printed(23) - printed(17),
  'one-above-sq-bwn': printed(3) - printed(1),
  'above-sq-bwn': printed(5) - printed(1),
  'above-twn': printed(5) - printed(4),
  'is-sq-twn': printed(5) - printed(2),
  'above-dorefa': printed(13) - printed(9),
  'above-qnn': printed(13) - printed(10),
};
