import type { TrainedLayer } from '@hbnn/model';

/**
 * Find the binarizations that may meet a sum of exactly 0: behind a layer whose weights and inputs are binarized, with
 * no offset between. The integer model takes such a sum for −1, as the quantizer does; the framework adds scales in
 * float32, and what rounding leaves may lie on either side of 0.
 *
 * @returns a sentence for the user about each
 */
export function tiesIn(layers: readonly TrainedLayer[]): string[] {
  const notes: string[] = [];
  const behind = new Map<string, Sums>();
  let before: TrainedLayer | undefined;
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  for (const layer of layers) {
    const sources = sourcesOf(layer, before).map((name) => byName.get(name));
    const inputs = sources.map((source) => behind.get(source?.name ?? '') ?? noSums());
    const sums = sumsBehind(layer, sources[0], inputs);
    const open = sums.products.length > 0 && sums.channels.some(undecided);
    if (layer.kind === 'binarize' && open) notes.push(noteOf(layer.name, sums.products));
    behind.set(layer.name, layer.kind === 'binarize' ? noSums() : sums);
    before = layer;
  }
  return notes;
}

function noteOf(name: string, products: readonly string[]): string {
  const those = products.join(', ');
  const may = products.length === 1 ? `that ${those} may give` : `that ${those} may come to`;
  return `${name}: no batch norm or bias decides a sum of exactly 0 ${may}; the integer model takes it for −1, the trained network for the sign that float32 rounding leaves, so that a few values may differ; give ${those} a bias or a batch norm that is trained`;
}

/** The names of the layers whose values a layer reads; none for the pixels. */
function sourcesOf(layer: TrainedLayer, before: TrainedLayer | undefined): readonly string[] {
  if (layer.kind === 'add' || layer.kind === 'concat') return layer.inputs;
  const name = layer.from ?? before?.name;
  return name === undefined ? [] : [name];
}

/** What lies behind a layer, from what lies behind those that it reads. */
function sumsBehind(
  layer: TrainedLayer,
  source: TrainedLayer | undefined,
  inputs: readonly Sums[],
): Sums {
  const [first = noSums()] = inputs;
  const open = inputs.filter(({ channels }) => channels.some(undecided));
  const products = [...new Set(open.flatMap((input) => input.products))];
  if (layer.kind === 'concat')
    return {
      products,
      channels: inputs.flatMap(({ products: own, channels }) =>
        own.length > 0 ? channels : [decided],
      ),
    };
  if (layer.kind === 'add') {
    // A sum of branches is 0 for certain where each may be, and none has an offset.
    if (inputs.some((input) => input.products.length === 0)) return noSums();
    const count = Math.max(...inputs.map(({ channels }) => channels.length));
    const at = (c: number): Channel[] =>
      inputs.map(({ channels }) => channels[c % channels.length]);
    return {
      products,
      channels: Array.from({ length: count }, (_, c) => ({
        scale: Math.max(...at(c).map(({ scale }) => Math.abs(scale))),
        offset: at(c).reduce((sum, { offset }) => sum + offset, 0),
      })),
    };
  }
  if ('weights' in layer && !addsUp(layer)) {
    const isExact = layer.weights.kind === 'residual' && source?.kind === 'binarize';
    return isExact ? { products: [layer.name], channels: [plain] } : noSums();
  }
  if (layer.kind === 'affine') return { products, channels: scaled(first.channels, layer) };
  return first;
}

/** Whether a layer adds up the values of each channel's window, as an average does that counts zeros beyond the edge. */
const addsUp = (layer: TrainedLayer): boolean =>
  layer.kind === 'depthwise' &&
  layer.weights.kind === 'codes' &&
  layer.weights.codes.values.every((value) => value === 1);

/** What lies behind a layer: the products whose sums may be exactly 0, and what stands for each channel's. */
interface Sums {
  readonly products: readonly string[];
  readonly channels: readonly Channel[];
}

/** What stands for a channel's sums: scale · sum + offset. */
interface Channel {
  readonly scale: number;
  readonly offset: number;
}

const plain: Channel = { scale: 1, offset: 0 };
/** A channel that is no sum of binarized values. */
const decided: Channel = { scale: 1, offset: 1 };
const noSums = (): Sums => ({ products: [], channels: [plain] });

/** Whether a sum of 0 stays 0. A scale of 0 makes every sum 0, in floats too. */
const undecided = ({ scale, offset }: Channel): boolean => scale !== 0 && offset === 0;

/** What an affine layer makes of channels; either may be one for all channels, or one for each value. */
function scaled(
  before: readonly Channel[],
  { scales, offsets }: Extract<TrainedLayer, { kind: 'affine' }>,
): Channel[] {
  const count = Math.max(before.length, scales.length, offsets.length);
  return Array.from({ length: count }, (_, i) => {
    const { scale, offset } = before[i % before.length];
    const factor = scales[i % scales.length];
    return { scale: factor * scale, offset: factor * offset + offsets[i % offsets.length] };
  });
}
