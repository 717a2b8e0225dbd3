import {
  approximate,
  averageBits,
  binarize,
  distance,
  distFromAverage,
  type FloatTensor,
  type Heuristic,
  heuristics,
  type Mix,
  mixOf,
  random,
  selectBits,
} from '@hbnn/core';
import { optimal } from '@hbnn/core/optimal';
import { figures } from '../paper.ts';
import type { Claim, ResultRow, Stage, StageResult } from '../stage.ts';

const elements = 1_000_000;
const seed = 1;
/** Reading accuracy of the printed bars. */
const plotError = 0.003;

const paper = figures.figure2a;
const mixes = paper.mixes_1_2_3_bits_in_tenths.map((text) => ({
  text,
  mix: mixOf(text.split('/').map((tenths) => Number(tenths) / 10)),
}));

function normalTensor(): FloatTensor {
  const rng = random(seed, 'figure2a');
  return {
    shape: [elements],
    data: Float32Array.from({ length: elements }, () => rng.normal()),
  };
}

function distanceOf(t: FloatTensor, mix: Mix, select: Heuristic): number {
  return distance(t, approximate(binarize(t, selectBits(t, { mix, select, seed }))));
}

/** Figure 2a: ‖T − T_B‖ / ‖T‖ of a standard normal tensor T by mix and selection; exact, no training. Reports call T_B B. */
function conclude(): StageResult {
  const t = normalTensor();
  const rows: ResultRow[] = [];
  const add = (select: string, mixText: string, bits: number, ours: number, printed?: number) =>
    rows.push({
      label: `${mixText} ${select}`,
      kind: 'computed',
      unit: '‖T − B‖/‖T‖',
      ours,
      ...(printed !== undefined && { paper: printed }),
      columns: { mix: mixText, 'average bits': bits, selection: select },
    });
  for (const bits of [1, 2, 3, 4]) {
    const ours = distanceOf(t, distFromAverage(bits), 'middle-out');
    add('homogeneous', `${bits} bit`, bits, ours, paper.integer[bits]);
  }
  mixes.forEach(({ text, mix }, i) => {
    const bits = Number(averageBits(mix).toFixed(3));
    for (const select of heuristics) {
      const printed = { 'middle-out': paper.middle_out[i], 'bottom-up': paper.bottom_up[i] };
      const known = select === 'middle-out' || select === 'bottom-up' ? printed[select] : undefined;
      add(select, text, bits, distanceOf(t, mix, select), known);
    }
  });
  for (const { text, average } of [
    ...mixes.map(({ text, mix }) => ({ text, average: Number(averageBits(mix).toFixed(3)) })),
    { text: 'any', average: 2 },
  ]) {
    const ours = distance(t, approximate(optimal(t, { average })));
    add('optimal, not in the paper', text, average, ours);
  }
  return {
    stage: 'figure2a',
    title: 'Figure 2a: error of a binarized tensor of normally distributed values',
    about:
      `A tensor T of ${elements.toLocaleString('en')} normally distributed random values is approximated by a ` +
      'tensor B with few bits per value. The figure and the table show the distance between the tensor T and its ' +
      'approximation B, divided by the norm of T. In the mix 7/2/1, for example, 7 tenths of the values have 1 bit, ' +
      '2 tenths have 2 bits, and 1 tenth has 3 bits. The rule “optimal”, which is not in the HBNN paper, chooses the ' +
      'bits, signs and scales of all values of the tensor together. Figure 2a needs no training, so its numbers have ' +
      'no spread over seeds.',
    rows,
    claims: claims(rows),
    plots: [],
  };
}

function distanceAt(rows: readonly ResultRow[], label: string): number {
  const row = rows.find((r) => r.label === label);
  if (row?.ours === undefined) throw new Error(`figure2a: no row ${label}`);
  return row.ours;
}

function claims(rows: readonly ResultRow[]): Claim[] {
  const others = heuristics.filter((rule) => rule !== 'middle-out');
  /** How much farther the best other rule is at a mix than middle-out. */
  const lead = (text: string): number =>
    Math.min(...others.map((rule) => distanceAt(rows, `${text} ${rule}`))) -
    distanceAt(rows, `${text} middle-out`);
  const lost = mixes.filter(({ text }) => lead(text) < 0);
  const tied = mixes.filter(({ text }) => lead(text) === 0);
  const mo18 = distanceAt(rows, '4/4/2 middle-out');
  const three = distanceAt(rows, '3 bit homogeneous');
  const printed = rows.filter((row) => row.paper !== undefined);
  const worst = Math.max(...printed.map((row) => Math.abs((row.ours ?? 0) - (row.paper ?? 0))));
  return [
    {
      id: '1a',
      claim:
        'Of the paper’s rules, middle-out has the smallest distance from the tensor at every mix of bits',
      verdict: lost.length === 0 ? 'holds' : 'does not hold',
      because:
        `top-down, bottom-up or random is better than middle-out at ${lost.length} of ${mixes.length} mixes, and ` +
        `as good at ${tied.length}` +
        (tied.length === 0 ? '' : ` (${tied.map(({ text }) => text).join(', ')})`),
    },
    {
      id: '1b',
      claim:
        'The distance of middle-out at 1.8 bits on average is as small as that of 3 bits for every value',
      verdict: mo18 <= three + plotError ? 'holds' : 'does not hold',
      because:
        `the distances are ${mo18.toFixed(4)} and ${three.toFixed(4)}; numbers read from the paper’s plot can be ` +
        `off by up to ${plotError}`,
    },
    {
      id: '1c',
      claim: 'Our distances equal those in the paper’s Figure 2a',
      verdict: worst <= plotError ? 'holds' : 'does not hold',
      because:
        `at ${printed.length} bars of the paper’s plot, the largest difference from our distances is ` +
        `${worst.toFixed(4)}; the bars were read to within ${plotError}`,
    },
  ];
}

export const figure2a: Stage = { name: 'figure2a', settings: () => [], conclude };
