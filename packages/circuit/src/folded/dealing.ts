import type { Names } from '../netlist/names.ts';
import { manyClasses } from './grouping.ts';
import { beatWidth, canSplit, type Stream, splitStream } from './stream.ts';
import type { DealUnit, FoldedLayer, Unit } from './units.ts';

/**
 * Make the last layer give out a pixel in several beats, with a few channels in each, so that logic for a few scores is
 * enough. The number of beats is as large as it can be without slowing the circuit down: all beats of an image fit into
 * `cycles`, and those of a pixel are over before the matrix writes over its first channels.
 *
 * @returns the layer as it is, where it has few channels, or gives them group by group already
 */
export function dealtLayer(layer: FoldedLayer, cycles: number, names: Names): FoldedLayer {
  const { output, step, kind, units } = layer;
  const [height, width, channels] = output.shape;
  const isProduct = step.kind === 'layer' && (kind === 'dense' || kind === 'conv');
  if (!isProduct || channels < manyClasses || !canSplit(output)) return layer;
  const most = Math.min(cycles / (height * width), firstWrite(units[units.length - 1]));
  const each = Array.from({ length: channels }, (_, i) => i + 1).find(
    (count) => channels % count === 0 && channels / count <= most,
  );
  if (each === undefined || each === channels) return layer;
  const unit = dealUnit(output, each, names.of(`${layer.module}_deal`, 'deal'));
  return { ...layer, units: [...units, unit], output: splitStream(output, each) };
}

/** Cycles for which a unit leaves a pixel that it offers as it is, while it works on the next one. */
function firstWrite(unit: Unit): number {
  if (unit.kind !== 'matrix') return Number.POSITIVE_INFINITY;
  const { patterns, patternOf } = unit.tables.schedule;
  return patterns[patternOf[0]].length;
}

/** Digits that hold each channel. */
const digitsOf = ({ forms }: Stream): number =>
  forms.reduce((most, { weights }) => Math.max(most, weights.length), 1);

function dealUnit(stream: Stream, each: number, name: string): DealUnit {
  const { shape, forms, offsets } = stream;
  const digits = digitsOf(stream);
  const turns = shape[2] / each;
  const bits = Array.from({ length: turns }, (_, turn) =>
    Array.from({ length: each }, (__, i) => turn * each + i).flatMap((c) =>
      Array.from({ length: digits }, (__, j) =>
        j < forms[c].weights.length ? offsets[c] + j : -1,
      ),
    ),
  );
  return {
    kind: 'deal',
    name,
    places: shape[0] * shape[1],
    bits,
    inputWidth: beatWidth(stream),
    outputWidth: each * digits,
  };
}
