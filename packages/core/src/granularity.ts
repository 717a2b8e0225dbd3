import { chosenName, suggestion } from './choice.ts';
import { HbnnError } from './error.ts';
import { geometry, type Layout } from './layout.ts';
import { elementCount, shapeText } from './tensor.ts';

/**
 * What shares one bitwidth.
 *
 * - `element`: nothing; every element has its own (the paper)
 * - `block:K`: K neighbouring inputs of one output and kernel position; a row's last block may be shorter
 * - `position`: one kernel position and input channel, for all outputs
 * - `input`: one input channel, for all outputs and kernel positions
 * - `output`: all elements of one output
 */
export type MapPer = 'element' | 'position' | 'input' | 'output' | `block:${number}`;

/** What shares one scale per plane: the whole tensor (the paper) or each output (XNOR-Net's α). */
export type ScalePer = 'tensor' | 'output';

const mapUnits: readonly string[] = ['element', 'position', 'input', 'output', 'block:4'];

const scalePers: readonly ScalePer[] = ['tensor', 'output'];

/**
 * Read the name of a map granularity.
 *
 * @throws HbnnError unless it is element, position, input, output or block:K with a whole K >= 1
 */
export function parseMapPer(text: string, where = 'map per'): MapPer {
  if (text === 'element' || text === 'position' || text === 'input' || text === 'output')
    return text;
  const block = /^block:([1-9]\d{0,8})$/.exec(text);
  if (block) return `block:${Number(block[1])}`;
  throw new HbnnError(
    `${where}: expected element, position, input, output or block:K with K of at least 1, got '${text}'${suggestion(text, mapUnits) || '; give one of these'}`,
  );
}

/** Check the name of a scale granularity. @throws HbnnError unless it is tensor or output */
export function parseScalePer(text: string, where = 'scale per'): ScalePer {
  return chosenName(text, scalePers, where);
}

/** The units of a coarse map: those elements that share one bitwidth. */
export interface Units {
  readonly count: number;
  /** The unit of each element, in the tensor's order. Units are numbered by their first element. */
  readonly of: Uint32Array;
  /** Elements per unit. */
  readonly sizes: Uint32Array;
}

/** The number of units that a granularity makes of a shape. */
export function unitCount(shape: readonly number[], layout: Layout, mapPer: MapPer): number {
  const { outputs, positions, inputs } = geometry(shape, layout, 'bit map');
  const per = parseMapPer(mapPer);
  if ((per === 'position' || per === 'input') && shape.length < 2)
    throw new HbnnError(
      `bit map: expected 2 to 4 dimensions for a map per ${per}, got shape ${shapeText(shape)}; use element or block:K`,
    );
  if (per === 'element') return elementCount(shape);
  if (per === 'output') return outputs;
  if (per === 'input') return inputs;
  if (per === 'position') return positions * inputs;
  return outputs * positions * Math.ceil(inputs / blockSize(per));
}

const blockSize = (per: `block:${number}`) => Number(per.slice('block:'.length));

/**
 * Number the units of a coarse map (not 'element').
 *
 * @throws HbnnError when the shape has no such units
 */
export function unitsOf(shape: readonly number[], layout: Layout, mapPer: MapPer): Units {
  const count = unitCount(shape, layout, mapPer);
  const axes = geometry(shape, layout);
  const of = new Uint32Array(elementCount(shape));
  const sizes = new Uint32Array(count);
  for (let output = 0; output < axes.outputs; output++) {
    let rest = 0;
    for (let position = 0; position < axes.positions; position++) {
      for (let input = 0; input < axes.inputs; input++, rest++) {
        const unit = unitAt(axes, layout, mapPer, output, position, input);
        of[output * axes.outputStride + rest * axes.restStride] = unit;
        sizes[unit]++;
      }
    }
  }
  return { count, of, sizes };
}

function unitAt(
  axes: { outputs: number; positions: number; inputs: number },
  layout: Layout,
  mapPer: MapPer,
  output: number,
  position: number,
  input: number,
): number {
  switch (mapPer) {
    case 'output':
      return output;
    case 'input':
      return input;
    case 'position':
      return position * axes.inputs + input;
    case 'element':
      throw new Error('unitsOf: an element map has no units; use the elements themselves');
    default: {
      const size = blockSize(mapPer);
      const blocks = Math.ceil(axes.inputs / size);
      const block = Math.floor(input / size);
      return layout === 'outputs-first'
        ? (output * axes.positions + position) * blocks + block
        : (position * blocks + block) * axes.outputs + output;
    }
  }
}
