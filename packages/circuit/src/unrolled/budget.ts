import { HbnnError } from '@hbnn/core';
import { type AddLayer, type CheckedLayer, type IntegerWeights, treeSize } from '@hbnn/model';
import { digitCount } from '../netlist/signedDigits.ts';

/** Adders of a design that is made unless told otherwise: about as many LUTs. */
const defaultMaxAdders = 2_000_000;

/** About how many one-bit adders a layer takes when nothing is shared, and for how many module instances. */
export interface LayerEstimate {
  readonly layer: string;
  readonly adders: number;
}

/** Estimate each layer of an unrolled design from its shapes and bitwidths alone. */
export function estimateAdders(planned: readonly CheckedLayer[]): LayerEstimate[] {
  const bitsOf: number[] = [];
  return planned.map(({ layer, sources, output, outputBound }, i) => {
    const places = output[0] * output[1];
    const values = places * output[2];
    const width = Math.ceil(Math.log2(outputBound + 1)) + 1;
    const inputBits = sources.map((source) => bitsOf[source] ?? 8);
    const [before] = inputBits;
    bitsOf[i] = width;
    switch (layer.kind) {
      case 'conv':
      case 'depthwise':
        return { layer: layer.name, adders: places * digits(layer.weights) * before };
      case 'dense':
        return { layer: layer.name, adders: digits(layer.weights) * before };
      case 'maxPool':
      case 'sumPool':
        return { layer: layer.name, adders: values * layer.size[0] * layer.size[1] * before };
      case 'threshold': {
        const total = layer.bits.reduce((sum, width) => sum + width, 0);
        const nodes = layer.bits.reduce((sum, width) => sum + treeSize(width), 0);
        bitsOf[i] = total / layer.bits.length;
        return { layer: layer.name, adders: (nodes * before) / 4 };
      }
      case 'requantize':
        return { layer: layer.name, adders: values * (8 * before + 48) };
      case 'add':
        return { layer: layer.name, adders: multiplierDigits(layer, inputBits) * places };
      case 'concat':
        bitsOf[i] = Math.max(...inputBits);
        return { layer: layer.name, adders: 0 };
      default:
        return layer satisfies never;
    }
  });
}

/** One-bit adders of a sum of branches at one place: a row of bits for each signed digit of a multiplier. */
function multiplierDigits({ multipliers }: AddLayer, bits: readonly number[]): number {
  return multipliers.reduce(
    (sum, list, k) => sum + bits[k] * list.reduce((digits, m) => digits + digitCount(m), 0),
    0,
  );
}

export function digits(weights: IntegerWeights): number {
  if (weights.kind === 'planes') return weights.bits.reduce((sum, bits) => sum + bits, 0);
  // Eight bits have 2.7 signed digits on average.
  return 2.7 * weights.values.length;
}

/** A model is too large to be unrolled within a budget. */
export class BudgetError extends HbnnError {
  /** What is too large, without a way out. */
  readonly fault: string;
  /** The smallest budget that holds the model. */
  readonly adders: number;

  constructor(fault: string, adders: number) {
    super(
      `${fault}; make a foldedDesign of it, use narrower layers or fewer bits, or allow maxAdders: ${adders}`,
    );
    this.fault = fault;
    this.adders = adders;
  }
}

/** Refuse a design that is too large, before anything is made of it. @throws BudgetError with its estimate */
export function checkBudget(
  planned: readonly CheckedLayer[],
  max: number = defaultMaxAdders,
): void {
  const each = estimateAdders(planned);
  const sum = each.reduce((total, { adders }) => total + adders, 0);
  if (sum <= max) return;
  const largest = each.reduce((a, b) => (b.adders > a.adders ? b : a));
  const text = (n: number): string => Math.round(n).toLocaleString('en');
  throw new BudgetError(
    `${largest.layer}: expected at most ${text(max)} adders, the budget of an unrolled design, got about ${text(sum)}, ${text(largest.adders)} of them in this layer`,
    Math.ceil(sum),
  );
}
