import { type Occupancy, occupancyOf } from './occupancy.ts';
import { type FoldedLayer, type FoldedScores, gapsOf, matrixCycles, type Unit } from './units.ts';

/**
 * A layer whose matrix works on the beat of what stands before it, where that takes no longer than an image may: the
 * beat is in one register then and not in two.
 */
export function withHeldBeats(layer: FoldedLayer, cycles: number): FoldedLayer {
  const at = layer.units.findIndex(({ kind }) => kind === 'matrix');
  const unit = layer.units[at];
  if (unit?.kind !== 'matrix') return layer;
  const [height, width] = layer.output.shape;
  const gaps = gapsOf(layer.units[at - 1], height * width);
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

interface Balanced {
  readonly layers: readonly FoldedLayer[];
  readonly cyclesPerImage: number;
}

/**
 * Make the buffers before the layers so deep that the slowest layer alone decides how often an image comes out. First
 * pixels are sent as evenly as that layer can take them, and each buffer gets a place for every beat that waits in it.
 * Then places are taken away as long as that costs no time.
 *
 * @param pixels of an image
 * @param cycles that the slowest layer takes for an image
 */
export function withBuffers(
  layers: readonly FoldedLayer[],
  scores: FoldedScores,
  pixels: number,
  cycles: number,
): Balanced {
  const chain = { layers, scores: scores.unit, pixels, beats: scores.beats };
  const least = layers.map(() => minDepth);
  const small = occupancyOf(chain, least);
  const goal = cycles * (1 + slack);
  if (small.cyclesPerImage <= goal) return withDepths(layers, least, small);
  const unlimited = layers.map(() => Number.POSITIVE_INFINITY);
  const { fullest, work: paced } = occupancyOf(chain, unlimited, cycles);
  let depths = fullest.map((beats) => Math.max(minDepth, beats + 1));
  let best = occupancyOf(chain, depths);
  let work = small.work + paced + best.work;
  const limit = Math.max(goal, best.cyclesPerImage);
  const bits = (i: number): number => depths[i] * layers[i].units[0].inputWidth;
  const order = layers.map((_, i) => i).sort((a, b) => bits(b) - bits(a));
  for (const i of order) {
    // Search for the fewest places that are enough: halve the distance between too few and enough.
    let [few, enough] = [minDepth - 1, depths[i]];
    while (enough - few > 1 && work < maxWork) {
      const middle = few + 1 === minDepth ? minDepth : (few + enough) >> 1;
      const tried = depths.map((depth, k) => (k === i ? middle : depth));
      const occupancy = occupancyOf(chain, tried);
      work += occupancy.work;
      if (occupancy.cyclesPerImage > limit) {
        few = middle;
        continue;
      }
      [enough, depths, best] = [middle, tried, occupancy];
    }
  }
  return withDepths(layers, depths, best);
}

function withDepths(
  layers: readonly FoldedLayer[],
  depths: readonly number[],
  { cyclesPerImage }: Occupancy,
): Balanced {
  return {
    cyclesPerImage,
    layers: layers.map((layer, i) =>
      layer.buffer === undefined
        ? layer
        : { ...layer, buffer: { ...layer.buffer, depth: depths[i] } },
    ),
  };
}
