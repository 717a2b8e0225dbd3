import { table2 as paper } from '../paper.ts';
import type { Profile } from '../profile.ts';
import type { Claim, ResultRow, SettingResults, Stage, StageResult } from '../stage.ts';
import { circuitRows } from './layerCircuits.ts';
import {
  type AreaRatio,
  areaClaims,
  areaPlot,
  areaRatios,
  areaRows,
  asicRows,
  foldedRows,
  mobileNetRows,
} from './table2Estimates.ts';
import { vggClaims, vggRows, vggSettings } from './table2Networks.ts';
import { costRows, costsOfAll, paretoPlots } from './table2Pareto.ts';
import { rtlRows, rtlSentence, type SynthesizedNetwork, synthesizedNetworks } from './table2Rtl.ts';

const fullChip = 100;
/** FINN's published CNV on a ZC706 at 1 bit, and the paper's 1-bit MobileNet estimate. */
const fpga = {
  'VGG-8': { percent: 21.2, kfps: 21.9, watts: 3.6, full: 14.4 * (fullChip / 84.8) },
  MobileNet: { percent: 20, kfps: 0.45, watts: 3.4, full: 17 },
} as const;
/** Alemdar et al. 2017's 2-bit ASIC, and the paper's 2-bit MobileNet estimate. */
const asic = {
  'VGG-8': { mm2: 6.06, watts: 0.38 },
  MobileNet: { mm2: 297, watts: 18.62 },
} as const;
const asicKfps = 3.4;

/**
 * The paper's law for an FPGA: occupancy = base·u·b and power = base·u·b up to a full chip,
 * frames per second = base·u / b, with unfolding u and b average bits.
 */
export function fpgaLaw(
  model: keyof typeof fpga,
  unfolding: number,
  bits: number,
): { percent: number; kfps: number; watts: number } {
  const base = fpga[model];
  const percent = base.percent * unfolding * bits;
  return {
    percent: Math.min(fullChip, percent),
    kfps: (base.kfps * unfolding) / bits,
    watts: percent > fullChip ? base.full : base.watts * unfolding * bits,
  };
}

/** The paper's law for an ASIC: area and power go with b² from the 2-bit design; throughput is kept. */
export function asicLaw(
  model: keyof typeof asic,
  bits: number,
): { mm2: number; kfps: number; watts: number } {
  const scale = bits ** 2 / 4;
  const base = asic[model];
  return { mm2: base.mm2 * scale, kfps: asicKfps, watts: base.watts * scale };
}

interface Quantity {
  readonly name: string;
  readonly unit: string;
  readonly printed: number;
  readonly digits: number;
  readonly law: number;
}

/** The digits behind the point as the paper prints them. */
const digitsOf = (text: string): number => text.split('.')[1]?.length ?? 0;

function quantities(row: (typeof paper)[number]): Quantity[] {
  const [, platform, model, unfolding, bits, occupancy, kfps, watts] = row;
  const area = Number.parseFloat(occupancy);
  const areaDigits = digitsOf(occupancy.match(/[\d.]+/)?.[0] ?? '');
  const network = model as keyof typeof fpga;
  const entry = (name: string, unit: string, printed: number, digits: number, law: number) => ({
    name,
    unit,
    printed,
    digits,
    law,
  });
  const [k, w] = [digitsOf(String(kfps)), digitsOf(String(watts))];
  if (platform === 'ZC706') {
    const law = fpgaLaw(network, unfolding ?? 1, bits);
    return [
      entry('occupancy', '%', area, areaDigits, law.percent),
      entry('throughput', 'kFPS', kfps, k, law.kfps),
      entry('power', 'W', watts, w, law.watts),
    ];
  }
  const law = asicLaw(network, bits);
  return [
    entry('area', 'mm²', area, areaDigits, law.mm2),
    entry('throughput', 'kFPS', kfps, k, law.kfps),
    entry('power', 'W', watts, w, law.watts),
  ];
}

/** Within one unit of the last digit printed: the paper truncates here and rounds there. */
export const agrees = (q: { printed: number; digits: number; law: number }): boolean =>
  Math.abs(q.law - q.printed) < 10 ** -q.digits + 1e-9;

/** What the paper did, and a list of the rows with the origin of each. */
function aboutText(p: Profile, networks: readonly SynthesizedNetwork[]): string {
  const isSimulated = networks.some(({ row }) => row.verilatorCycles !== undefined);
  const vggRowsText =
    p.vgg8 === undefined
      ? []
      : [
          'Rows with “a” in the first column give the accuracy of our reduced VGG-8, a small network trained on ' +
            'CIFAR-10. In rows with “inputs per channel”, each input channel has one number of bits for all images, ' +
            'as a circuit needs. If the row of a trained VGG-8 does not say “inputs per channel”, the bits of the ' +
            'layer inputs are chosen anew for each image, as in the HBNN paper.',
        ];
  const notTrained =
    p.vgg8 === undefined
      ? ' Our reduced VGG-8 was not trained for this report, because VGG-8 needs images of 32 × 32 pixels.'
      : '';
  const rows = [
    'Rows 1 to 13 of the table are those of the HBNN paper’s Table 2. We recomputed the numbers of the HBNN ' +
      'paper’s Table 2 with the paper’s formulas.',
    ...vggRowsText,
    'For the networks CNV and MobileNet, rows with “c” in the first column are estimates of circuits like FINN’s ' +
      '(AMD’s compiler for quantized networks). CNV is FINN’s name for the network VGG-8 of the HBNN paper.',
    'For single layers, rows with “c” in the first column give the area of an unrolled circuit, in which every ' +
      'weight has separate logic. The area of a single layer in the table counts only the logic that computes the ' +
      'layer’s output at one pixel position. If the column “platform” names the synthesis tool Yosys, the area ' +
      'of the layer was measured by synthesis; otherwise the area is an estimate.',
    'Rows with “d” in the first column are for our own Verilog circuit of the network VGG-8, also called CNV. In one ' +
      'clock cycle, our circuit of the VGG-like network CNV multiplies a layer input by all bits of a weight. ' +
      (isSimulated
        ? 'Our circuit of the whole network CNV (VGG-8) was synthesized and simulated.'
        : 'Our circuit of the whole network CNV (VGG-8) was synthesized, and its cycles are computed, not simulated.'),
    'For the reduced VGG-8, rows with “c” in the first column give estimates for a circuit with random weights: its ' +
      'lookup tables (LUTs) and its energy. In the rows for the reduced VGG-8, only the lookup tables that compute ' +
      'one pixel position of each binarized layer are counted.' +
      notTrained,
  ];
  const assumptions = [
    'The estimates for CNV and MobileNet are calibrated on layers that we synthesized, and on published circuits ' +
      'made with FINN (AMD’s compiler for quantized networks).',
    'The estimates for CNV and MobileNet assume a clock of 200 MHz.',
    'In our FPGA estimates, the network CNV (VGG-8) has as many parallel multiplying units as a published circuit of ' +
      'AMD’s compiler FINN for the FPGA board Pynq. The HBNN paper derives its numbers for VGG-8 from a circuit that ' +
      'is faster than the one on the board Pynq. The number of parallel units in the HBNN paper’s circuit is not ' +
      'published.',
    'In our estimates for CNV (VGG-8), each multiplying unit is wide enough for the weights and layer inputs with ' +
      'the most bits.',
    'Our FPGA circuit for MobileNet has enough parallel units to reach the HBNN paper’s 450 frames per second.',
    'In our estimates for an ASIC of 32 nm, CNV (VGG-8) and MobileNet have enough parallel units for 3,400 frames per ' +
      'second, as in the HBNN paper.',
  ];
  const head =
    'The authors of the HBNN paper did not build the circuits of Table 2. The HBNN paper derives the size, power ' +
    'and speed of its circuits from published designs, by simple formulas:\n\n- By the HBNN paper’s formulas, the area ' +
    'and power of an FPGA circuit grow with the average bits and with the number of parallel units. In rows 1 to ' +
    '13 of the table, the column “unfolding” gives the number of parallel units, as a multiple of the HBNN paper’s ' +
    'basic circuit.\n- By the HBNN paper’s formulas, the frames per second of an FPGA circuit fall as the average ' +
    'bits grow.\n- By the HBNN paper’s formulas, the area and power of an ASIC (a chip for one purpose) grow with the ' +
    'square of the average bits.\n\nThe first column of the table tells the kinds of rows apart:';
  const list = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join('\n');
  return `${head}\n\n${list(rows)}\n\nThe estimates for CNV and MobileNet were made as follows:\n\n${list(assumptions)}`;
}

function conclude(p: Profile, results: SettingResults): StageResult {
  const ratios = areaRatios();
  const networks = synthesizedNetworks();
  const costs = costsOfAll();
  const rows: ResultRow[] = paper.flatMap((row) => {
    const [number, platform, model, unfolding, bits] = row;
    return quantities(row).map(({ name, unit, printed, digits, law }) => ({
      label: `${number} ${platform} ${model} ${bits} bit ${name}`,
      kind: 'computed' as const,
      unit,
      ours: Number(law.toFixed(Math.max(digits, 2))),
      paper: printed,
      columns: { row: number, platform, model, unfolding: unfolding ?? '–', bits, quantity: name },
    }));
  });
  return {
    stage: 'table2',
    title: 'Table 2: hardware',
    about: aboutText(p, networks),
    rows: [
      ...rows,
      ...vggRows(p, results),
      ...foldedRows(),
      ...mobileNetRows(),
      ...asicRows(),
      ...areaRows(ratios),
      ...circuitRows(),
      ...rtlRows(networks),
      ...costRows(costs),
    ],
    claims: [...claims(ratios, networks), ...vggClaims(results)],
    plots: [areaPlot(ratios), ...paretoPlots(costs, results)],
  };
}

function claims(ratios: readonly AreaRatio[], networks: readonly SynthesizedNetwork[]): Claim[] {
  const all = paper.flatMap((row) => quantities(row).map((q) => ({ row: row[0], ...q })));
  const off = all.filter((q) => !agrees(q));
  return [
    {
      id: '5a',
      claim: 'The numbers of Table 2 follow from the paper’s formulas',
      verdict: off.length === 0 ? 'holds' : 'does not hold',
      because:
        `${all.length - off.length} of ${all.length} numbers printed in Table 2 agree with the paper’s formulas ` +
        'to within one unit of their last digit' +
        (off.length === 0
          ? ''
          : `; not: ${off.map((q) => `row ${q.row} ${q.name} ${q.printed} (law: ${q.law.toFixed(q.digits + 1)})`).join(', ')}`),
    },
    ...areaClaims(ratios, rtlSentence(networks)),
  ];
}

export const table2: Stage = { name: 'table2', settings: vggSettings, conclude };
