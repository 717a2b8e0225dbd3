import {
  type CheckedModel,
  type FeatureShape,
  type JoinLayer,
  type SumPoolLayer,
  type Window,
  weightValues,
  windowOf,
} from '@hbnn/model';
import { bitLength } from '../netlist/bitHeap.ts';
import type { AdderStyle } from '../netlist/fabrics.ts';
import { checkedPrefix, Names } from '../netlist/names.ts';
import type { Netlist } from '../netlist/netlist.ts';
import { hasRegister, pipelined, scheduleOf } from '../netlist/pipeline.ts';
import { pixelForm } from '../netlist/value.ts';
import { SumMemo } from '../sums/rowGrouping.ts';
import { type OrderedStep, orderedSteps, type Step, stepLayer } from '../unrolled/steps.ts';
import { indexWidth, type Leaf } from '../unrolled/unrolledDesign.ts';
import { checkMoves, withBuffers, withHeldBeats } from './balance.ts';
import {
  accumulateLogic,
  type BeatLogic,
  codePoolLogic,
  numbersOf,
  poolLogic,
  requantizeLogic,
  type StreamLogic,
  scoresLogic,
  thresholdLogic,
} from './beatLogic.ts';
import { checkedFolding, type FoldedOptions } from './foldedOptions.ts';
import { foldSchedule } from './foldSchedule.ts';
import { checkFold, type Fold, type FoldTable } from './folds.ts';
import { inputPlanes } from './inputPlanes.ts';
import { joinLogic } from './joinLogic.ts';
import { constantMatrix, laneLogic } from './lanes.ts';
import { matrixTables } from './matrixTables.ts';
import { planeMap } from './planeMaps.ts';
import {
  baseSums,
  beats,
  beatWidth,
  isPadded,
  joinedStream,
  outputRanges,
  type PlacedVectors,
  type Stream,
  streamOf,
  type WindowedMatrix,
  windowedMatrix,
} from './stream.ts';
import {
  type FoldedLayer,
  type FoldedScores,
  gapsOf,
  type LayerCycles,
  type LogicUnit,
  type MatrixUnit,
  type MemoryStyle,
  matrixCycles,
  type StreamFork,
  scanned,
  scanOf,
  type Unit,
} from './units.ts';
import { weightPlanes } from './weightPlanes.ts';

/** Hardware of a model as layers between streams: pixels in, scores out. */
export interface FoldedDesign {
  readonly kind: 'folded';
  readonly top: string;
  /** What the names of all modules begin with, underscore included; '' where nothing was asked for. */
  readonly prefix: string;
  readonly style: AdderStyle;
  readonly input: Stream;
  readonly layers: readonly FoldedLayer[];
  /** The streams that several layers read, or one layer several times. */
  readonly forks: readonly StreamFork[];
  readonly scores: FoldedScores;
  readonly classes: readonly string[];
  readonly maxLevels: number;
  readonly memories: MemoryStyle;
  /** The module before the layers that keeps images apart by s_axis_tlast; undefined where the port was not asked for. */
  readonly frame?: string;
  /** Cycles of the layer that takes longest, with pixels and takers that never wait. */
  readonly scheduledCycles: number;
  /** How often an image comes out, by a simulation of when the beats of all units move. */
  readonly cyclesPerImage: number;
}

/**
 * Make a model's hardware as layers between ready/valid streams, a pixel per beat: matrices on PE × SIMD lanes with their
 * weights in memories, or whole with their weights as constants. A stream that several layers read is given to all of
 * them in one cycle, into buffers that are deep enough for the branch that takes longest.
 *
 * @throws HbnnError when a fold does not divide its layer
 */
export function foldedDesign(model: CheckedModel, o: FoldedOptions = {}): FoldedDesign {
  const design = shallowDesign(model, o);
  const { layers, forks, scores, input, scheduledCycles } = design;
  const network = { layers, scores, pixels: beats(input), branched: forks.length > 0 };
  if (o.balanced !== false) return { ...design, ...withBuffers(network, scheduledCycles) };
  checkMoves(network);
  return design;
}

/** The design with two places in each buffer, in which branches may wait for each other for ever. */
export function shallowDesign(model: CheckedModel, o: FoldedOptions = {}): FoldedDesign {
  const { style, maxLevels, folds, memories } = checkedFolding(model.checkedLayers, o);
  const prefix = checkedPrefix(o.prefix ?? '');
  const names = new Names(prefix);
  const making = { names, style, maxLevels, memo: new SumMemo(), longestScan: 0 };
  const top = names.top(model.name, 'network');
  const { shape, zeros } = model.input;
  const input = streamOf(shape, [...zeros].map(pixelForm), 'number');
  const steps = orderedSteps(model, () => true);
  const forked = forkedSources(steps);
  const plain: FoldedLayer[] = [];
  let longestScan = 0;
  for (const step of steps) {
    const stream = joinedStream(step.sources.map((source) => plain[source]?.output ?? input));
    const isJoin = step.sources.length > 1;
    const branches = step.sources.map(
      (source) => forked.has(source) || (isJoin && isNarrowBranch(plain[source], forked)),
    );
    const layer = foldedLayer(step, stream, branches, { ...making, longestScan }, folds);
    longestScan = Math.max(longestScan, scanOf(layer));
    plain.push(layer);
  }
  const last = plain[plain.length - 1].output;
  const scores = foldedScores(model, last, new LayerMaker(names.of('scores', 'scores'), making));
  const frame = o.inputLast ? names.of(`${top}_frame`, 'frame') : undefined;
  const scheduledCycles = plain.reduce((most, { cycles }) => Math.max(most, cycles.scheduled), 1);
  const layers = plain.map((layer) => withHeldBeats(layer, scheduledCycles));
  return {
    kind: 'folded',
    top,
    prefix,
    style,
    input,
    layers,
    forks: forksOf(layers, forked, names),
    scores,
    classes: model.classes,
    maxLevels,
    memories,
    ...(frame !== undefined && { frame }),
    scheduledCycles,
    cyclesPerImage: scheduledCycles,
  };
}

/** The steps whose outputs are read more than once. The pixels are not: a layer cannot name them. */
function forkedSources(steps: readonly OrderedStep[]): ReadonlySet<number> {
  const readers = new Map<number, number>();
  for (const source of steps.flatMap(({ sources }) => sources))
    readers.set(source, (readers.get(source) ?? 0) + 1);
  return new Set([...readers].flatMap(([source, count]) => (count > 1 ? [source] : [])));
}

/** Whether a layer is a branch's logic with fewer bits behind it than in front: beats wait behind it at less cost. */
const isNarrowBranch = (
  { sources, units, input, output }: FoldedLayer,
  forked: ReadonlySet<number>,
): boolean =>
  sources.length === 1 &&
  forked.has(sources[0].layer) &&
  units.every(({ kind }) => kind === 'logic') &&
  beatWidth(output) < beatWidth(input);

/** @param branches whether beats of each source may have to wait for other branches */
function foldedLayer(
  step: OrderedStep,
  input: Stream,
  branches: readonly boolean[],
  making: Making,
  folds: FoldTable,
): FoldedLayer {
  const { names } = making;
  const { name, kind } = stepLayer(step).layer;
  const module = names.of(name, kind);
  const made = new LayerMaker(module, making).make(step, input, folds);
  const layer = { layer: name, kind, step, module, input, ...made };
  const buffer = (wanted: string) => ({ name: names.of(wanted, 'buffer'), depth: 2 });
  if (step.sources.length > 1) {
    const sources = step.sources.map((source, k) => ({
      layer: source,
      ...(branches[k] && { buffer: buffer(`${module}_branch_${k}`) }),
    }));
    return { ...layer, sources, join: names.of(`${module}_join`, 'join') };
  }
  const buffered =
    made.fold !== undefined || made.units.some((unit) => unit.kind !== 'logic') || branches[0];
  return {
    ...layer,
    sources: [{ layer: step.sources[0] }],
    ...(buffered && { buffer: buffer(`${module}_buffer`) }),
  };
}

function forksOf(
  layers: readonly FoldedLayer[],
  forked: ReadonlySet<number>,
  names: Names,
): StreamFork[] {
  return [...forked].map((layer) => ({
    name: names.of(`${layers[layer].module}_fork`, 'fork'),
    layer,
    readers: layers.flatMap(({ sources }, at) =>
      sources.flatMap((source, k) => (source.layer === layer ? [{ layer: at, source: k }] : [])),
    ),
  }));
}

/** A layer may be called as what every object has: `constructor`. */
const foldFor = (layer: string, folds: FoldTable): FoldTable[string] | undefined =>
  Object.hasOwn(folds, layer) ? folds[layer] : undefined;

function foldedScores(model: CheckedModel, input: Stream, maker: LayerMaker): FoldedScores {
  const logic = scoresLogic(input, model.scoreOffsets, beats(input) > 1, maker.style);
  const unit = maker.logic('logic', logic, input.shape, beatWidth(input));
  const each = input.shape[2];
  return { unit, beats: beats(input), each, indexBits: indexWidth(each), width: logic.width };
}

interface MadeLayer {
  readonly units: readonly Unit[];
  readonly output: Stream;
  readonly fold?: FoldedLayer['fold'];
  readonly cycles: LayerCycles;
}

/** What the layers of a design share while it is made. */
interface Making {
  readonly names: Names;
  readonly style: AdderStyle;
  readonly maxLevels: number;
  readonly memo: SumMemo;
  /** Cycles for which an image keeps some layer before this one busy, whatever the folds. */
  readonly longestScan: number;
}

/** Makes the units of one layer. */
class LayerMaker {
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

  make(step: Step, input: Stream, folds: FoldTable): MadeLayer {
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
        return this.pointwise(thresholdLogic(layer, this.uniform(input), style), shape);
      case 'requantize':
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
    const ports = [{ name: 'y', width: piped.outputs.length }];
    const about = [`Latency ${stages} cycle(s) in which ce is 1`];
    const leaf: Leaf = {
      kind: 'leaf',
      name: this.names.of(wanted, 'gates'),
      net: piped,
      ports,
      about,
      ...(hasRegister(piped) && { clock: 'enabled' }),
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
    const unit = this.lanes(matrix, input, shape, fold, { ranges, sums });
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
    }: { readonly ranges: ReturnType<typeof outputRanges>; readonly sums: PlacedVectors },
  ): MatrixUnit {
    const widths = ranges.map(({ low, high }) => bitLength(BigInt(high - low)));
    const width = Math.max(1, ...widths);
    const forms = ranges.map(({ low, high }, o) => ({
      base: low,
      low,
      high,
      weights: Array.from({ length: widths[o] }, (_, j) => 2 ** j),
    }));
    const output = streamOf(shape, forms, 'number');
    const inputs = inputPlanes(input);
    const planes = weightPlanes(matrix.layer.weights);
    const schedule = foldSchedule(matrix, planes, inputs, fold);
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
      inputWidth: matrix.kernel[0] * matrix.kernel[1] * beatWidth(input),
      outputWidth: beatWidth(output),
    };
  }
}
