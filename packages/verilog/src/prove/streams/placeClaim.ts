import {
  type Bus,
  baseAt,
  type FoldedLayer,
  type Form,
  formAt,
  formKey,
  type Stream,
} from '@hbnn/circuit';
import {
  type CheckedLayer,
  layerStep,
  type ThresholdLayer,
  windowOf,
  windowTaps,
} from '@hbnn/model';
import type { Claim } from '../claim.ts';
import { dependencies, type PlacedLayer, sumOf, type Terms } from '../modelSums.ts';
import { sumStatement, wantedOf } from '../statements.ts';
import { NotComputable } from './symbolicModule.ts';

/** What the model computes at one place of a layer's output. */
export interface PlacePart {
  /** The elements of the input's stream that it reads, in order. */
  readonly elements: readonly number[];
  /** Where outputs are sums: their terms, by elements of the stream. */
  readonly sums?: readonly Terms[];
  /** Where they are not: a layer of this one place, whose input is `elements`. */
  readonly plan?: PlacedLayer;
  /** Channels whose output is the negative of the plan's. */
  readonly turned?: readonly boolean[];
}

/** Say what the model computes at a place of a layer's output. */
export function placePart({ step, input, output }: FoldedLayer, place: number): PlacePart {
  switch (step.kind) {
    case 'layer':
      return layerPart(step.plan, input, output.shape[2], place);
    case 'codes':
      return pointPart(step, place);
    case 'codePool': {
      const { layer, threshold } = step;
      const channels = step.input[2];
      const own = threshold.bits.subarray(place * channels, (place + 1) * channels);
      if (own.some((bits, c) => bits < maxPlanes(threshold, channels, c)))
        throw new NotComputable('places behind its max pool have other planes than their channels');
      const turned = Array.from({ length: channels }, (_, c) => threshold.flips[c] === 1);
      return { ...poolPart({ layer, input: step.input, output: step.output }, place), turned };
    }
    default:
      return step satisfies never;
  }
}

/** The most planes that a channel has at any place. */
function maxPlanes({ bits }: ThresholdLayer, channels: number, c: number): number {
  let most = 0;
  for (let i = c; i < bits.length; i += channels) most = Math.max(most, bits[i]);
  return most;
}

/** @param channels of a beat of the output, which may be some of a pixel's */
function layerPart(plan: CheckedLayer, input: Stream, channels: number, place: number): PlacePart {
  const { layer } = plan;
  if (layer.kind === 'maxPool') return poolPart({ ...plan, layer }, place);
  const sum = sumOf(plan);
  if (sum === undefined) return pointPart(plan, place);
  const at = streamElement(plan, input);
  const sums = Array.from({ length: channels }, (_, c) =>
    sum(place * channels + c).map(([i, weight]) => [at(i), weight] as const),
  );
  const elements = new Set(sums.flatMap((terms) => terms.map(([i]) => i)));
  return { elements: [...elements].sort((a, b) => a - b), sums };
}

/** Where a stream has an element of a layer's inputs, which a model counts one input after the other. */
function streamElement({ inputs }: CheckedLayer, { shape }: Stream): (element: number) => number {
  if (inputs.length < 2) return (element) => element;
  return (element) => {
    let [rest, channel] = [element, 0];
    for (const [height, width, channels] of inputs) {
      const count = height * width * channels;
      if (rest < count) return Math.floor(rest / channels) * shape[2] + channel + (rest % channels);
      rest -= count;
      channel += channels;
    }
    throw new Error(`no element ${element}`);
  };
}

/** A layer of thresholds or of requantization, at one place. */
function pointPart({ layer, input }: PlacedLayer, place: number): PlacePart {
  const channels = input[2];
  const from = place * channels;
  const own =
    layer.kind === 'threshold'
      ? { ...layer, bits: layer.bits.subarray(from, from + channels) }
      : layer;
  const shape = [1, 1, channels] as const;
  return {
    elements: Array.from({ length: channels }, (_, c) => from + c),
    plan: { layer: own, input: shape, output: shape },
  };
}

type Pool = Pick<PlacedLayer, 'input' | 'output'> & {
  readonly layer: Extract<CheckedLayer['layer'], { readonly kind: 'maxPool' }>;
};

/** A max pool's window at one place, without what lies beyond the edges. */
function poolPart({ layer, input, output }: Pool, place: number): PlacePart {
  const channels = input[2];
  const taps = windowTaps(windowOf(layer), input, Math.floor(place / output[1]), place % output[1]);
  const rows = new Set(taps.map(({ pixel }) => Math.floor(pixel / input[1]))).size;
  const size = [rows, taps.length / rows] as const;
  return {
    elements: taps.flatMap(({ pixel }) =>
      Array.from({ length: channels }, (_, c) => pixel * channels + c),
    ),
    plan: {
      layer: { ...layer, size, strides: [1, 1], padding: [0, 0, 0, 0] },
      input: [...size, channels],
      output: [1, 1, channels],
    },
  };
}

/** Elements of a stream as a bus of their own, without bits that are always 0. */
export interface LocalBus {
  readonly bus: Bus;
  /** The beat of the stream and the bit in it that each bit of the bus is. */
  readonly bits: readonly (readonly [beat: number, bit: number])[];
}

/** @param isZero whether a bit of the stream is known to be always 0 */
export function localBus(
  stream: Stream,
  elements: readonly number[],
  isZero: (beat: number, bit: number) => boolean,
): LocalBus {
  const channels = stream.shape[2];
  const bits: (readonly [number, number])[] = [];
  const offsets = [0];
  const forms = elements.map((element): Form => {
    const [place, c] = [Math.floor(element / channels), element % channels];
    const form = formAt(stream, place, c);
    const weights = form.weights.filter((_, j) => {
      const bit = stream.offsets[c] + j;
      if (isZero(place, bit)) return false;
      bits.push([place, bit]);
      return true;
    });
    offsets.push(bits.length);
    const base = baseAt(stream, place, c);
    if (base === form.base) return { ...form, weights };
    // Planes that a place lacks: what is left of them can be anything.
    const high = weights.reduce((sum, weight) => sum + weight, base);
    return { base, weights, low: base, high };
  });
  const bus = { shape: [1, 1, forms.length] as const, forms, offsets: Int32Array.from(offsets) };
  return { bus, bits };
}

/** The channels of a place of a stream, with all bits that its beats have. */
export function beatBus(stream: Stream, place: number): Bus {
  const forms = stream.forms.map((form, c): Form => {
    const base = baseAt(stream, place, c);
    return base === form.base
      ? form
      : { ...form, base, low: base, high: base + form.high - form.base };
  });
  return { shape: [1, 1, forms.length], forms, offsets: stream.offsets };
}

export interface LocalClaim {
  readonly claim: Claim;
  /** Equal for claims that say the same. */
  readonly key: string;
}

/**
 * State what a place's outputs are to be.
 *
 * @param elements those of the part, and others that the hardware reads
 */
export function placeClaim(
  layer: string,
  part: PlacePart,
  elements: readonly number[],
  input: Bus,
  output: Bus,
): LocalClaim {
  const common = { layer, module: layer, port: 'y', input, output } as const;
  const forms = [...input.forms, ...output.forms].map(formKey).join();
  const { sums, plan, turned } = part;
  if (sums !== undefined) {
    const local = new Map(elements.map((element, i) => [element, i]));
    const terms = sums.map((own) =>
      own.map(([element, weight]) => [local.get(element) ?? 0, weight] as const),
    );
    return { claim: sumsClaim(common, terms), key: `${forms} ${JSON.stringify(terms)}` };
  }
  if (plan === undefined || elements.length !== part.elements.length)
    throw new NotComputable('it reads elements that the model does not read there');
  const step = layerStep(plan);
  const isTurned = (o: number): boolean => turned?.[o] === true;
  const claim: Claim = {
    ...common,
    step: (values) => step(values).map((value, o) => (isTurned(o) ? -value : value)),
    dependencies: dependencies(plan),
    wanted: (o, own) => {
      const wanted = wantedOf(plan, input, o, own, undefined);
      return (width) => {
        const found = wanted(width);
        return isTurned(o) ? { ...found, value: `-(${found.value})` } : found;
      };
    },
    shown: (_, value) => value,
  };
  const bits = plan.layer.kind === 'threshold' ? plan.layer.bits.join() : '';
  return { claim, key: `${forms} ${plan.input.join()} ${bits}` };
}

type CommonClaim = Pick<Claim, 'layer' | 'module' | 'port' | 'input' | 'output'>;

/** A claim that outputs are sums of their input. */
export function sumsClaim(common: CommonClaim, terms: readonly Terms[]): Claim {
  return {
    ...common,
    terms,
    step: (values) =>
      Int32Array.from(terms, (own) =>
        own.reduce((sum, [i, weight]) => sum + weight * values[i], 0),
      ),
    dependencies: terms.map((own) => own.filter(([, weight]) => weight !== 0).map(([i]) => i)),
    wanted: (o, elements) => sumStatement(common.input.forms, elements, terms[o]),
    shown: (_, value) => value,
  };
}
