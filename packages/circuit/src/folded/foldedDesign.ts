import type { CheckedModel } from '@hbnn/model';
import type { AdderStyle } from '../netlist/fabrics.ts';
import { checkedPrefix, Names } from '../netlist/names.ts';
import { pixelForm } from '../netlist/value.ts';
import { SumMemo } from '../sums/sumShapes.ts';
import { type OrderedStep, orderedSteps, stepLayer } from '../unrolled/steps.ts';
import { indexWidth } from '../unrolled/unrolledDesign.ts';
import { checkMoves, withBuffers, withHeldBeats } from './balance.ts';
import { scoresLogic } from './beatLogic.ts';
import { dealtLayer } from './dealing.ts';
import { checkedFolding, type FoldedOptions } from './foldedOptions.ts';
import type { FoldTable } from './folds.ts';
import { type GroupReader, groupReader } from './grouping.ts';
import { LayerMaker, type Making } from './layerMaker.ts';
import { beats, beatWidth, joinedStream, type Stream, streamOf } from './stream.ts';
import {
  type FoldedLayer,
  type FoldedScores,
  type MemoryStyle,
  type StreamFork,
  scanOf,
} from './units.ts';

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
  /**
   * Cycles from one image to the next, by a simulation of when the beats of all units move. Without balanced buffers
   * nothing is simulated: `scheduledCycles`, which such a design can exceed.
   */
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

/**
 * The design with two places in each buffer, in which branches may wait for each other for ever.
 *
 * @param o.grouped whether sums may be read group by group
 */
export function shallowDesign(
  model: CheckedModel,
  { grouped = true, ...o }: FoldedOptions & { readonly grouped?: boolean } = {},
): FoldedDesign {
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
  for (const [at, step] of steps.entries()) {
    const stream = joinedStream(step.sources.map((source) => plain[source]?.output ?? input));
    const isJoin = step.sources.length > 1;
    const branches = step.sources.map(
      (source) => forked.has(source) || (isJoin && isNarrowBranch(plain[source], forked)),
    );
    const reader = grouped ? groupReader(steps, at) : undefined;
    const layer = foldedLayer(step, stream, branches, { ...making, longestScan }, folds, reader);
    longestScan = Math.max(longestScan, scanOf(layer));
    plain.push(layer);
  }
  const scheduledCycles = plain.reduce((most, { cycles }) => Math.max(most, cycles.scheduled), 1);
  const layers = plain.map((layer) => withHeldBeats(layer, scheduledCycles));
  const last = dealtLayer(layers[layers.length - 1], scheduledCycles, names);
  layers[layers.length - 1] = last;
  const maker = new LayerMaker(names.of('scores', 'scores'), making);
  const scores = foldedScores(model, last.output, maker);
  const frame = o.inputLast ? names.of(`${top}_frame`, 'frame') : undefined;
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
  reader: GroupReader | undefined,
): FoldedLayer {
  const { names } = making;
  const { name, kind } = stepLayer(step).layer;
  const module = names.of(name, kind);
  const made = new LayerMaker(module, making).make(step, input, folds, reader);
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
    made.fold !== undefined ||
    made.units.some(({ kind }) => kind !== 'logic' && kind !== 'gather') ||
    branches[0];
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

function foldedScores(model: CheckedModel, input: Stream, maker: LayerMaker): FoldedScores {
  const logic = scoresLogic(input, model.scoreOffsets, beats(input) > 1, maker.style);
  const unit = maker.logic('logic', logic, input.shape, beatWidth(input));
  const each = input.shape[2];
  return { unit, beats: beats(input), each, indexBits: indexWidth(each), width: logic.width };
}
