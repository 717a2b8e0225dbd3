import { type Fold, foldText } from '@hbnn/circuit';
import type { PartQuantity, Quantity } from '@hbnn/estimator';
import { nameParts, numberText, percentText, printResult } from './output.ts';

type Result = Readonly<Record<string, unknown>>;

/** Print an estimate: as JSON as it is, for people one line per figure with its band and origin, each design by itself. */
export function printEstimate(result: Result, json?: boolean): void {
  if (json) {
    printResult(result, true);
    return;
  }
  const names = Object.keys(result);
  const ofVerilog = names.filter((name) => name.startsWith('verilog'));
  if (ofVerilog.length === 0) {
    printResult(linesOf(result, names));
    return;
  }
  const first = names.indexOf(ofVerilog[0]);
  const heads = names.slice(0, first);
  printResult(linesOf(result, heads));
  process.stdout.write("\nAs 'hbnn verilog --style folded' writes these folds:\n");
  printResult(linesOf(result, ofVerilog));
  process.stdout.write(
    '\nAs FINN builds them, with lanes that multiply all bits of a weight at once:\n',
  );
  const others = names.filter((name) => !heads.includes(name) && !ofVerilog.includes(name));
  printResult(linesOf(result, others));
}

function linesOf(result: Result, names: readonly string[]): Record<string, string> {
  const lines: Record<string, string> = {};
  for (const name of names) addLines(lines, name, result[name]);
  return lines;
}

function addLines(lines: Record<string, string>, name: string, value: unknown): void {
  // Their figures carry the unit.
  const { words } = nameParts(name);
  if (isQuantity(value)) lines[words] = describe(value);
  else if (isPartQuantity(value)) lines[words] = describePart(value);
  else if (name === 'area') areaLines(value as AreaLike, lines);
  else if (name === 'ratePerSecond')
    lines['power is at'] = `${figureText(Number(value), 'images/s')} (--rate)`;
  else if (name === 'clockHz') lines.clock = figureText(Number(value), 'Hz');
  else if (name === 'folds')
    for (const fold of value as readonly ({ layer: string } & Fold)[])
      lines[`fold ${fold.layer}`] = foldText(fold);
  else if (name === 'flipFlopsOfSteps')
    for (const step of value as readonly { readonly name: string; readonly flipFlops: number }[])
      lines[`  ${step.name}, registers`] = `${numberText(step.flipFlops)} FF`;
  else if (name === 'verilogLayers') layerLines(value as readonly LayerLike[], lines);
  else if (/occupancy$/i.test(name) || name === 'operations')
    lines[words] = Object.entries(value as Record<string, number>)
      .map(
        ([what, n]) =>
          `${nameParts(what).words} ${name === 'operations' ? numberText(n) : percentText(n)}`,
      )
      .join(', ');
  else if (name === 'unknown')
    for (const [what, why] of Object.entries(value as Record<string, string>))
      lines[`unknown: ${nameParts(what).words}`] = why;
  else if (typeof value === 'boolean') lines[words] = value ? 'yes' : 'no';
  else if (value !== undefined) lines[words] = String(value);
}

interface AreaLike {
  readonly steps: readonly { readonly name: string; readonly area: Quantity }[];
}

function areaLines({ steps }: AreaLike, lines: Record<string, string>): void {
  for (const { name, area } of steps)
    lines[`  ${name}`] = `${figureText(area.value, area.unit)} (${bandText(area)})`;
}

interface LayerLike {
  readonly layer: string;
  readonly luts: number;
  readonly flipFlops: number;
  readonly blockRams: number;
  readonly memoryLuts: number;
}

function layerLines(layers: readonly LayerLike[], lines: Record<string, string>): void {
  for (const { layer, luts, flipFlops, blockRams, memoryLuts } of layers) {
    const memories = [
      ...(blockRams > 0 ? [`${numberText(blockRams)} block RAM${blockRams === 1 ? '' : 's'}`] : []),
      ...(memoryLuts > 0 ? [`${numberText(memoryLuts)} LUT as memory`] : []),
    ];
    lines[`  ${layer}`] = [
      `${numberText(luts)} LUT`,
      `${numberText(flipFlops)} FF`,
      ...memories,
    ].join(', ');
  }
}

const isQuantity = (value: unknown): value is Quantity =>
  typeof value === 'object' && value !== null && 'low' in value && 'from' in value;

const isPartQuantity = (value: unknown): value is PartQuantity =>
  typeof value === 'object' && value !== null && 'value' in value && 'from' in value;

/** Units that take prefixes. */
const prefixed = ['J', 'W', 'Hz'];
const prefixes = ['f', 'p', 'n', 'µ', 'm', '', 'k', 'M', 'G'] as const;
const noPrefix = prefixes.indexOf('');

/** A figure of at most four digits with its unit: 12,350 LUT, 51.6 nJ. */
export function figureText(value: number, unit: string): string {
  const rounded = Number(value.toPrecision(4));
  // The number is the size of a block in bits.
  const shownUnit = unit.replace(/\d{4,}/g, (digits) => numberText(Number(digits)));
  if (!prefixed.includes(unit) || rounded === 0) return `${numberText(rounded)} ${shownUnit}`;
  const wanted = noPrefix + Math.floor(Math.log10(Math.abs(rounded)) / 3);
  const at = Math.min(prefixes.length - 1, Math.max(0, wanted));
  const scaled = Number((rounded / 1000 ** (at - noPrefix)).toPrecision(4));
  return `${numberText(scaled)} ${prefixes[at]}${unit}`;
}

/** From the lowest to the highest; nothing where they are the same. */
function bandText({ low, high, unit }: Quantity): string {
  if (low === high) return '';
  const [from, to] = [low, high].map((value) => figureText(value, unit).split(' '));
  return from[1] === to[1] ? `${from[0]} … ${to[0]}` : `${from.join(' ')} … ${to.join(' ')}`;
}

function describe(figure: Quantity): string {
  const band = bandText(figure);
  const origin = `${figure.source}: ${figure.from}`;
  const shown = figureText(figure.value, figure.unit);
  return `${shown} (${band === '' ? origin : `${band}; ${origin}`})`;
}

const describePart = ({ value, unit, source, from }: PartQuantity): string =>
  `${figureText(value, unit)} (${source}: ${from})`;
