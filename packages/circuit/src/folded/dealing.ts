import type { Names } from '../netlist/names.ts';
import type { Form } from '../netlist/value.ts';
import { beatWidth, type Stream, streamOf } from './stream.ts';
import type { DealUnit, FoldedLayer, Unit } from './units.ts';

/** A network with this many classes or more gives out a few scores per beat: all scores would be thousands of bits. */
const manyClasses = 64;

/** Whether bits are the digits of a number in binary, so that further digits of 0 change nothing. */
const isBinary = ({ weights }: Form): boolean => weights.every((weight, j) => weight === 2 ** j);

/**
 * Make the last layer give out a pixel in several beats, with a few channels in each, so that logic for a few scores is
 * enough. The number of beats is as large as it can be without slowing the circuit down: all beats of an image fit into
 * `cycles`, and those of a pixel are over before the matrix writes over its first channels.
 *
 * @returns the layer as it is, where it has few channels or they are not digits of numbers that places share
 */
export function dealtLayer(layer: FoldedLayer, cycles: number, names: Names): FoldedLayer {
  const { output, step, kind, units } = layer;
  const [height, width, channels] = output.shape;
  const isProduct = step.kind === 'layer' && (kind === 'dense' || kind === 'conv');
  if (!isProduct || channels < manyClasses || output.bases !== undefined) return layer;
  if (!output.forms.every(isBinary)) return layer;
  const most = Math.min(cycles / (height * width), firstWrite(units[units.length - 1]));
  const each = Array.from({ length: channels }, (_, i) => i + 1).find(
    (count) => channels % count === 0 && channels / count <= most,
  );
  if (each === undefined || each === channels) return layer;
  const unit = dealUnit(output, each, names.of(`${layer.module}_deal`, 'deal'));
  return { ...layer, units: [...units, unit], output: dealtStream(output, each) };
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

/** The same elements in the same order, `each` in a beat. What is added to their bits differs from beat to beat. */
function dealtStream(stream: Stream, each: number): Stream {
  const { shape, forms } = stream;
  const [height, width, channels] = shape;
  const weights = Array.from({ length: digitsOf(stream) }, (_, j) => 2 ** j);
  const most = (of: (form: Form) => number): number =>
    forms.reduce((high, form) => Math.max(high, of(form)), 0);
  const span = most(({ base, high }) => high - base);
  const low = -most(({ base }) => -base);
  const own = Array.from(
    { length: each },
    (): Form => ({ base: low, low, high: low + span, weights }),
  );
  const bases = Int32Array.from(
    { length: height * width * channels },
    (_, i) => forms[i % channels].base,
  );
  return streamOf([height, (width * channels) / each, each], own, 'number', bases);
}
