import { readFileSync } from 'node:fs';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../paper/${name}.json`, import.meta.url), 'utf8'));

interface Figures {
  readonly figure2a: {
    readonly integer: Readonly<Record<string, number>>;
    readonly mixes_1_2_3_bits_in_tenths: readonly string[];
    readonly middle_out: readonly number[];
    readonly bottom_up: readonly number[];
  };
  readonly figure2b: Readonly<
    Record<'random' | 'top_down' | 'bottom_up' | 'middle_out' | 'one_bit' | 'two_bit', number>
  >;
  readonly figure3a: { readonly average_bits: readonly number[]; readonly top1: readonly number[] };
  readonly figure3b: {
    readonly average_bits: readonly number[];
    readonly top1: readonly number[];
    readonly full_precision: number;
  };
}

type Table1Row = [
  row: number,
  model: 'AlexNet' | 'MobileNet',
  name: string,
  inputs: string,
  weights: string,
  top1: number,
  top5: number,
  group: string,
];

type Table2Row = [
  row: number,
  platform: 'ZC706' | 'ASIC',
  model: string,
  unfolding: number | null,
  bits: number,
  occupancy: string,
  kfps: number,
  watts: number,
  top1: number,
];

/** Figures 2 and 3; read off the printed plots (±0.002 on distances, ±0.1 points on accuracies). */
export const figures = read('figures') as Figures;
/** Table 1, ImageNet accuracies in percent. */
export const table1 = (read('table1') as { rows: readonly Table1Row[] }).rows;
/** Table 2, hardware. */
export const table2 = (read('table2') as { rows: readonly Table2Row[] }).rows;
