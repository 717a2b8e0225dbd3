import {
  type FeatureShape,
  type JoinLayer,
  type RequantizeLayer,
  type SumPoolLayer,
  type ThresholdLayer,
  type Window,
  weightValues,
  windowOf,
} from '@hbnn/model';
import { bitLength } from '../netlist/bitHeap.ts';
import type { AdderStyle } from '../netlist/fabrics.ts';
import type { Names } from '../netlist/names.ts';
import type { Netlist } from '../netlist/netlist.ts';
import { pipelined, scheduleOf } from '../netlist/pipeline.ts';
import type { SumMemo } from '../sums/sumShapes.ts';
import { type Step, stepLayer } from '../unrolled/steps.ts';
import type { Leaf } from '../unrolled/unrolledDesign.ts';
import {
  accumulateLogic,
  type BeatLogic,
  codePoolLogic,
  numbersOf,
  poolLogic,
  requantizeLogic,
  type StreamLogic,
  thresholdLogic,
} from './beatLogic.ts';
import { type FoldSchedule, foldSchedule } from './foldSchedule.ts';
import { checkFold, type Fold, type FoldTable } from './folds.ts';
import { type GroupReader, groupedScaling, groupedThresholds, groupsPay } from './grouping.ts';
import { type InputPlanes, inputPlanes } from './inputPlanes.ts';
import { joinLogic } from './joinLogic.ts';
import { constantMatrix, laneLogic } from './lanes.ts';
import { matrixTables } from './matrixTables.ts';
import { planeMap } from './planeMaps.ts';
import {
  baseSums,
  beats,
  beatWidth,
  isPadded,
  outputRanges,
  type PlacedVectors,
  type Stream,
  splitStream,
  streamOf,
  type WindowedMatrix,
  windowedMatrix,
} from './stream.ts';
import {
  type FoldedLayer,
  gapsOf,
  type LayerCycles,
  type LogicUnit,
  type MatrixUnit,
  matrixCycles,
  scanned,
  type Unit,
} from './units.ts';
import { type WeightPlane, weightPlanes } from './weightPlanes.ts';

/** A layer may be called as what every object has: `constructor`. */
const foldFor = (layer: string, folds: FoldTable): FoldTable[string] | undefined =>
  Object.hasOwn(folds, layer) ? folds[layer] : undefined;

/** The units of a layer, and the stream that they give. */
interface MadeLayer {
  readonly units: readonly Unit[];
  readonly output: Stream;
  readonly fold?: FoldedLayer['fold'];
  readonly cycles: LayerCycles;
}

/** What the layers of a design share while it is made. */
export interface Making {
  readonly names: Names;
  readonly style: AdderStyle;
  readonly maxLevels: number;
  readonly memo: SumMemo;
  /** Cycles for which an image keeps some layer before this one busy, whatever the folds. */
  readonly longestScan: number;
}

/**
 * A matrix's schedule, and whether its groups' sums can be beats of their own: in the order of the outputs, which must not
 * take more cycles than another order.
 */
function scheduleFor(
  matrix: WindowedMatrix,
  planes: readonly WeightPlane[],
  inputs: InputPlanes,
  fold: Fold,
  isWanted: boolean,
): { readonly schedule: FoldSchedule; readonly grouped: boolean } {
  const schedule = foldSchedule(matrix, planes, inputs, fold);
  if (!isWanted || schedule.groups === 1) return { schedule, grouped: false };
  if (schedule.outputAt.every((o, at) => o === at)) return { schedule, grouped: true };
  const inOrder = foldSchedule(matrix, planes, inputs, fold, true);
  return inOrder.stepCount > schedule.stepCount
    ? { schedule, grouped: false }
    : { schedule: inOrder, grouped: true };
}

/** Makes the units of one layer. */
export class LayerMaker {
  readonly style: AdderStyle;
  private readonly module: string;
  private readonly names: Names;
  private readonly maxLevels: number;
  private readonly memo: SumMemo;
  private readonly longestScan: number;
  private readonly units: Unit[] = [];

  constructor(module: string, { names, style, maxLevels, memo, longestScan }: Making) {
    this.memo = memo;
    this.longestScan = longestScan;
    this.module = module;
    this.names = names;
    this.style = style;
    this.maxLevels = maxLevels;
  }

  /** @param reader what may read the sums of a layer with weights group by group */
  make(step: Step, input: Stream, folds: FoldTable, reader?: GroupReader): MadeLayer {
    const { style } = this;
    const { layer, output: shape } = stepLayer(step);
    if (step.kind === 'codePool') {
      this.window(input, shape, windowOf(step.layer));
      return this.pointwise(codePoolLogic(step, input, shape), shape);
    }
    switch (layer.kind) {
      case 'conv':
      case 'depthwise':
      case 'dense':
        return this.matrix(
          windowedMatrix(layer, input.shape),
          input,
          shape,
          foldFor(layer.name, folds),
          reader,
        );
      case 'maxPool':
      case 'sumPool': {
        if (layer.kind === 'sumPool' && this.accumulates(layer, input))
          return this.accumulate(input);
        const numbers = this.uniform(input);
        this.window(numbers, shape, windowOf(layer));
        return this.pointwise(poolLogic(layer, numbers, shape, style), shape);
      }
      case 'threshold':
        if (input.parts !== undefined) return this.grouped(layer, input, shape);
        return this.pointwise(thresholdLogic(layer, this.uniform(input), style), shape);
      case 'requantize':
        if (input.parts !== undefined) return this.grouped(layer, input, shape);
        return this.pointwise(requantizeLogic(layer, this.uniform(input), style), shape);
      case 'add':
      case 'concat':
        return this.join(layer, step, input, shape);
      default:
        return layer satisfies never;
    }
  }

  /**
   * Whether a pool adds up its pixels as they come: its window has to be the whole map. From two pixels on, that takes
   * fewer LUTs than a window that holds all of them. It takes one cycle more, which is no loss where an image keeps an
   * earlier layer busy for as long.
   */
  private accumulates(layer: SumPoolLayer, input: Stream): boolean {
    const { kernel, padding } = windowOf(layer);
    const pixels = beats(input);
    const isWholeMap =
      kernel[0] === input.shape[0] &&
      kernel[1] === input.shape[1] &&
      padding.every((zeros) => zeros === 0);
    const hasBits = input.forms.some(({ weights }) => weights.length > 0);
    return isWholeMap && hasBits && pixels > 1 && this.longestScan > pixels;
  }

  private accumulate(input: Stream): MadeLayer {
    const { net, output } = accumulateLogic(input, this.style);
    const name = this.names.of(`${this.module}_accumulate`, 'accumulate');
    const pixels = beats(input);
    const leaf: Leaf = {
      kind: 'leaf',
      name: this.names.of(`${name}_gates`, 'gates'),
      net,
      ports: [{ name: 'y', width: net.outputs.length }],
      about: [],
    };
    this.units.push({
      kind: 'accumulate',
      name,
      leaf,
      pixels,
      inputWidth: beatWidth(input),
      outputWidth: beatWidth(output),
    });
    return { units: this.units, output, cycles: { scheduled: pixels + 1, ideal: pixels } };
  }

  private join(layer: JoinLayer, step: Step, input: Stream, shape: FeatureShape): MadeLayer {
    const inputs = step.kind === 'layer' ? step.plan.inputs : [];
    const values = layer.kind === 'add' ? this.uniform(input) : input;
    return this.pointwise(joinLogic(layer, values, inputs, this.style), shape);
  }

  /** A stream whose places do not differ in their bases. */
  private uniform(input: Stream): Stream {
    if (input.bases === undefined) return input;
    const made = numbersOf(input, this.style);
    this.units.push(this.logic('numbers', made, input.shape, beatWidth(input)));
    return made.output;
  }

  private pointwise(made: StreamLogic, shape: FeatureShape): MadeLayer {
    const width = made.net.inputCount - (made.table?.width ?? 0);
    this.units.push(this.logic('logic', made, shape, width));
    const beats = this.units.reduce((most, unit) => Math.max(most, scanned(unit)), 0);
    return { units: this.units, output: made.output, cycles: { scheduled: beats, ideal: beats } };
  }

  /** Thresholds or scaling of one group of channels after the other, and what makes a pixel of their bits. */
  private grouped(
    layer: ThresholdLayer | RequantizeLayer,
    input: Stream,
    shape: FeatureShape,
  ): MadeLayer {
    const made =
      layer.kind === 'threshold'
        ? groupedThresholds(layer, input, shape, this.style)
        : groupedScaling(layer, input, shape, this.style);
    const logic = this.logic('logic', made, input.shape, beatWidth(input));
    this.units.push(logic, {
      kind: 'gather',
      name: this.names.of(`${this.module}_gather`, 'gather'),
      places: shape[0] * shape[1],
      bits: made.gathered,
      inputWidth: logic.outputWidth,
      outputWidth: beatWidth(made.output),
    });
    const cycles = beats(input);
    return {
      units: this.units,
      output: made.output,
      cycles: { scheduled: cycles, ideal: cycles },
    };
  }

  /** Logic with its registers, at least one. */
  logic(what: string, made: BeatLogic, shape: FeatureShape, inputWidth: number): LogicUnit {
    const name = this.names.of(`${this.module}_${what}`, what);
    const { leaf, stages } = this.leaf(`${name}_gates`, made.net);
    const outputWidth = Math.max(1, leaf.net.outputs.length);
    const table = made.table !== undefined && made.table.width > 0 ? made.table : undefined;
    return {
      kind: 'logic',
      name,
      leaf,
      stages,
      shape,
      inputWidth,
      outputWidth,
      ...(table !== undefined && { table }),
    };
  }

  private leaf(wanted: string, net: Netlist): { readonly leaf: Leaf; readonly stages: number } {
    const schedule = scheduleOf(net, this.maxLevels, 0);
    const stages = schedule.depth + 1;
    const piped = pipelined(net, schedule, stages);
    piped.compact();
    const ports = [{ name: 'y', width: piped.outputs.length }];
    const about = [`Latency ${stages} cycle(s) in which ce is 1`];
    const leaf: Leaf = {
      kind: 'leaf',
      name: this.names.of(wanted, 'gates'),
      net: piped,
      ports,
      about,
      ...(piped.hasRegister() && { clock: 'enabled' }),
    };
    return { leaf, stages };
  }

  private window(input: Stream, output: FeatureShape, { kernel, strides, padding }: Window): void {
    const width = beatWidth(input);
    const still = [...kernel, ...strides].every((n) => n === 1) && padding.every((n) => n === 0);
    if (still) return;
    const name = this.names.of(`${this.module}_window`, 'window');
    this.units.push({
      kind: 'window',
      name,
      input: input.shape,
      output,
      kernel,
      strides,
      padding,
      inputWidth: width,
      outputWidth: kernel[0] * kernel[1] * width,
    });
  }

  private matrix(
    matrix: WindowedMatrix,
    input: Stream,
    shape: FeatureShape,
    chosen: Fold | 'constant' = { pe: 1, simd: 1 },
    reader?: GroupReader,
  ): MadeLayer {
    const { outputs, inputs, layer, kernel } = matrix;
    const pixels = kernel[0] * kernel[1];
    const fold = chosen === 'constant' ? { pe: outputs, simd: inputs } : chosen;
    checkFold(
      {
        name: layer.name,
        matrixHeight: outputs,
        matrixWidth: inputs,
        map: planeMap(layer.weights),
      },
      fold,
    );
    if (layer.kind !== 'dense') this.window(input, shape, matrix);
    else if (pixels > 1) {
      const [inputWidth, name] = [
        beatWidth(input),
        this.names.of(`${this.module}_collect`, 'collect'),
      ];
      this.units.push({
        kind: 'collect',
        name,
        pixels,
        inputWidth,
        outputWidth: pixels * inputWidth,
      });
    }
    const values = weightValues(layer.weights);
    const ranges = outputRanges(matrix, values, input, isPadded(matrix));
    const sums = baseSums(matrix, values, input, shape);
    const whole = fold.pe === outputs && fold.simd === inputs && fold.planes === undefined;
    const places = shape[0] * shape[1];
    const gaps = gapsOf(this.units[0], places);
    const scan = this.units.reduce((most, unit) => Math.max(most, scanned(unit)), places);
    if (whole) {
      const made = constantMatrix(matrix, input, sums, ranges, this.style, this.memo);
      this.units.push(this.logic('logic', made, shape, pixels * beatWidth(input)));
      const output = streamOf(
        shape,
        made.values.map(({ form }) => form),
        'number',
      );
      const cycles = { scheduled: scan, ideal: places };
      return { units: this.units, output, fold: { ...fold, constant: true }, cycles };
    }
    const unit = this.lanes(matrix, input, shape, fold, { ranges, sums, reader });
    this.units.push(unit);
    const { stepCount, idealSteps } = unit.tables.schedule;
    const scheduled = matrixCycles(stepCount, gaps, false);
    const cycles = { scheduled, ideal: idealSteps * places };
    return { units: this.units, output: unit.output, fold: { ...fold, constant: false }, cycles };
  }

  private lanes(
    matrix: WindowedMatrix,
    input: Stream,
    shape: FeatureShape,
    fold: Fold,
    {
      ranges,
      sums,
      reader,
    }: {
      readonly ranges: ReturnType<typeof outputRanges>;
      readonly sums: PlacedVectors;
      readonly reader?: GroupReader;
    },
  ): MatrixUnit {
    const widths = ranges.map(({ low, high }) => bitLength(BigInt(high - low)));
    const width = Math.max(1, ...widths);
    const forms = ranges.map(({ low, high }, o) => ({
      base: low,
      low,
      high,
      weights: Array.from({ length: widths[o] }, (_, j) => 2 ** j),
    }));
    const whole = streamOf(shape, forms, 'number');
    const inputs = inputPlanes(input);
    const planes = weightPlanes(matrix.layer.weights);
    const isWanted =
      reader === 'scores' || (reader !== undefined && groupsPay(reader, whole, fold.pe));
    const { schedule, grouped } = scheduleFor(matrix, planes, inputs, fold, isWanted);
    const output = grouped ? splitStream(whole, fold.pe) : whole;
    const tables = matrixTables(matrix, planes, inputs, schedule, width);
    const vectors = sums.vectors.map((vector) =>
      vector.map((sum, o) => {
        const start = BigInt(sum) + BigInt(tables.corrections[o]) - BigInt(ranges[o].low);
        return Number(BigInt.asUintN(width, start));
      }),
    );
    const name = this.names.of(`${this.module}_matrix`, 'matrix');
    const { leaf, stages } = this.leaf(
      `${this.module}_lane`,
      laneLogic(tables, inputs.width, this.style),
    );
    return {
      kind: 'matrix',
      name,
      lane: leaf,
      stages,
      matrix,
      input,
      output,
      inputs,
      tables,
      starts: { table: sums.table, vectors },
      held: false,
      grouped,
      inputWidth: matrix.kernel[0] * matrix.kernel[1] * beatWidth(input),
      outputWidth: beatWidth(output),
    };
  }
}
