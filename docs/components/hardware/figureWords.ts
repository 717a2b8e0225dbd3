import type { Figure } from './hardwareChoice.ts';

const digits = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString('en') : Number(value.toPrecision(3)).toString();

/** 2.35 pJ, 73.6 nJ or 1.27 µJ: three digits, and the unit in which these are at least 1. */
function joules(value: number): string {
  const units = [
    [1e-3, 'mJ'],
    [1e-6, 'µJ'],
    [1e-9, 'nJ'],
  ] as const;
  const [each, unit] = units.find(([least]) => Number(value.toPrecision(3)) >= least) ?? [
    1e-12,
    'pJ',
  ];
  return `${(value / each).toPrecision(3)} ${unit}`;
}

/** A count as the page prints it wherever an estimate is beside what Yosys counts. */
export const wholeCount = (value: number): string => Math.round(value).toLocaleString('en');

/** A value of a figure with its unit; what Yosys counts too is a whole number. */
export function figureWords(value: number, { unit, compared }: Figure): string {
  if (unit === 'J') return joules(value);
  if (unit === 'um2') return `${digits(value)} µm²`;
  return compared === undefined ? digits(value) : wholeCount(value);
}
