import { HbnnError } from '@hbnn/core';
import { type Occupancy, type OccupancyOptions, occupancyOf } from './occupancy.ts';
import { beatWidth } from './stream.ts';
import {
  type FoldedLayer,
  type FoldedScores,
  gapsOf,
  layerBuffers,
  matrixCycles,
  placesOf,
  type StreamBuffer,
  type Unit,
} from './units.ts';

/**
 * A layer whose matrix works on the beat of what stands before it, where that takes no longer than an image may: the
 * beat is in one register then and not in two.
 */
export function withHeldBeats(layer: FoldedLayer, cycles: number): FoldedLayer {
  const at = layer.units.findIndex(({ kind }) => kind === 'matrix');
  const unit = layer.units[at];
  if (unit?.kind !== 'matrix') return layer;
  const gaps = gapsOf(layer.units[at - 1], placesOf(layer));
  const scheduled = matrixCycles(unit.tables.schedule.stepCount, gaps, true);
  if (scheduled > cycles) return layer;
  const units = layer.units.map((one): Unit => (one === unit ? { ...unit, held: true } : one));
  return { ...layer, units, cycles: { ...layer.cycles, scheduled } };
}

/** Places of a buffer that holds nothing up: one is filled while another is emptied. */
const minDepth = 2;
/** An image may take longer than the slowest layer by this part, if buffers are smaller for it. */
const slack = 0.002;
/** Units times cycles that may be worked out to make buffers smaller: some seconds. */
const maxWork = 2e8;

/** Layers whose buffers are to be sized. */
export interface BufferedNetwork {
  readonly layers: readonly FoldedLayer[];
  readonly scores: FoldedScores;
  /** Pixels of an image. */
  readonly pixels: number;
  /** Whether some stream is read more than once, so that layers could wait for each other for ever. */
  readonly branched: boolean;
}

interface Balanced {
  readonly layers: readonly FoldedLayer[];
  readonly cyclesPerImage: number;
}

/** Tries depths of a network's buffers. */
class DepthTrials {
  work = 0;
  private readonly network: BufferedNetwork;

  constructor(network: BufferedNetwork) {
    this.network = network;
  }

  run(depths: readonly number[], o: OccupancyOptions = {}): Occupancy {
    const { layers, scores, pixels } = this.network;
    const network = { layers, scores: scores.unit, pixels, beats: scores.beats };
    const occupancy = occupancyOf(network, depths, o);
    this.work += occupancy.work;
    return occupancy;
  }

  /**
   * The cycles per image of some depths; infinite where branches can wait for each other for ever. Whether they do
   * depends on how many beats units hold, and not on when these move. So units with their fewest places tell for all
   * pauses of both ends.
   */
  at(depths: readonly number[], limit = Number.POSITIVE_INFINITY): Occupancy {
    const occupancy = this.run(depths);
    if (!this.network.branched || occupancy.cyclesPerImage > limit) return occupancy;
    const { cyclesPerImage } = this.run(depths, { fewestPlaces: true });
    return Number.isFinite(cyclesPerImage) ? occupancy : { ...occupancy, cyclesPerImage };
  }

  /** Depths with which an image takes no longer than the slowest layer, or not much: a place for each beat that waits. */
  roomy(unlimited: readonly number[], cycles: number): number[] {
    const { fullest } = this.run(unlimited, { pace: cycles });
    const others = this.network.branched
      ? this.run(unlimited, { pace: cycles, fewestPlaces: true }).fullest
      : fullest;
    return fullest.map((beats, i) => Math.max(minDepth, beats + 1, others[i] + 1));
  }
}

/** How often buffers are made twice as deep where an image takes too long with them. */
const maxDoublings = 3;

/**
 * Make the buffers before the layers so deep that the slowest layer alone decides how often an image comes out, and that
 * no branch waits for another for ever. First pixels are sent as evenly as that layer can take them, and each buffer gets
 * a place for every beat that waits in it. Then places are taken away as long as that costs no time.
 *
 * @param cycles that the slowest layer takes for an image
 */
export function withBuffers(network: BufferedNetwork, cycles: number): Balanced {
  const { layers } = network;
  const trials = new DepthTrials(network);
  const widths = layers.flatMap(bufferWidths);
  const least = widths.map(() => minDepth);
  const goal = cycles * (1 + slack);
  const small = trials.at(least, goal);
  if (small.cyclesPerImage <= goal) return withDepths(layers, least, small);
  let depths = trials.roomy(
    widths.map(() => Number.POSITIVE_INFINITY),
    cycles,
  );
  let best = trials.at(depths);
  for (let n = 0; n < maxDoublings && network.branched && best.cyclesPerImage > goal; n++) {
    const doubled = depths.map((depth) => 2 * depth);
    const occupancy = trials.at(doubled);
    if (occupancy.cyclesPerImage >= best.cyclesPerImage) break;
    [depths, best] = [doubled, occupancy];
  }
  const limit = Math.max(goal, best.cyclesPerImage);
  const bits = (i: number): number => depths[i] * widths[i];
  const order = depths.map((_, i) => i).sort((a, b) => bits(b) - bits(a));
  for (const i of order) {
    // Search for the fewest places that are enough: halve the distance between too few and enough.
    let [few, enough] = [minDepth - 1, depths[i]];
    while (enough - few > 1 && trials.work < maxWork) {
      const middle = few + 1 === minDepth ? minDepth : (few + enough) >> 1;
      const tried = depths.map((depth, k) => (k === i ? middle : depth));
      const occupancy = trials.at(tried, limit);
      if (occupancy.cyclesPerImage > limit) {
        few = middle;
        continue;
      }
      [enough, depths, best] = [middle, tried, occupancy];
    }
  }
  return withDepths(layers, depths, best);
}

/** @throws HbnnError where layers with the depths that they have can wait for each other for ever */
export function checkMoves(network: BufferedNetwork): void {
  if (!network.branched) return;
  const depths = network.layers.flatMap((layer) => layerBuffers(layer).map(({ depth }) => depth));
  if (Number.isFinite(new DepthTrials(network).at(depths).cyclesPerImage)) return;
  throw new HbnnError(
    'balanced: expected true for a network whose branches differ in length, got false: with two places in each buffer they wait for each other for ever; leave balanced out',
  );
}

/** The bits of a beat in each of a layer's buffers. */
function bufferWidths(layer: FoldedLayer, _: number, layers: readonly FoldedLayer[]): number[] {
  if (layer.join === undefined) return layer.buffer === undefined ? [] : [beatWidth(layer.input)];
  return layer.sources.flatMap((source) =>
    source.buffer === undefined ? [] : [beatWidth(layers[source.layer].output)],
  );
}

function withDepths(
  layers: readonly FoldedLayer[],
  depths: readonly number[],
  { cyclesPerImage }: Occupancy,
): Balanced {
  let at = 0;
  const deep = (buffer: StreamBuffer): StreamBuffer => ({ ...buffer, depth: depths[at++] });
  return {
    cyclesPerImage,
    layers: layers.map((layer) => ({
      ...layer,
      sources: layer.sources.map((source) =>
        source.buffer === undefined ? source : { ...source, buffer: deep(source.buffer) },
      ),
      ...(layer.buffer !== undefined && { buffer: deep(layer.buffer) }),
    })),
  };
}
