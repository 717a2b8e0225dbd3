import {
  type Bus,
  baseAt,
  beatWidth,
  type FoldedLayer,
  type Form,
  formKey,
  type Stream,
  stepLayer,
  type WindowedMatrix,
  windowedMatrix,
} from '@hbnn/circuit';
import { weightValues, windowTaps } from '@hbnn/model';
import type { Claim } from '../claim.ts';
import type { Terms as SumTerms } from '../modelSums.ts';
import { sumsClaim } from './placeClaim.ts';

/** A bit of a window's beat: where it comes from in the layer's input, or beyond its edges. */
export interface WindowBit {
  /** The beat of the layer's input; −1 beyond the edges, where bits are 0. */
  readonly beat: number;
  readonly bit: number;
}

/** What a layer with weights makes of the window of a place. */
export interface WindowClaim {
  readonly claim: Claim;
  /** Equal for places of a layer of which the same is claimed. */
  readonly key: string;
  /** Which bit of the window's beat each bit of the claim's input is. */
  readonly bits: readonly number[];
}

/** States of each window of a layer with weights what is added up there: bits beyond the edges count like all others. */
export class WindowClaims {
  private readonly layer: FoldedLayer;
  private readonly matrix: WindowedMatrix;
  private readonly terms: readonly SumTerms[];
  private readonly isZero: (beat: number, bit: number) => boolean;
  /** Beats of a window's sums: one, or one of each group of outputs. */
  readonly parts: number;

  /** @returns undefined for a layer without weights */
  static of(
    layer: FoldedLayer,
    isZero: (beat: number, bit: number) => boolean,
  ): WindowClaims | undefined {
    const { step, units } = layer;
    // Beats of a layer whose channels are dealt out are not those of a window.
    if (step.kind !== 'layer' || units.some(({ kind }) => kind === 'deal')) return undefined;
    const { layer: own, input } = step.plan;
    if (own.kind !== 'conv' && own.kind !== 'depthwise' && own.kind !== 'dense') return undefined;
    return new WindowClaims(layer, windowedMatrix(own, input), isZero);
  }

  private constructor(
    layer: FoldedLayer,
    matrix: WindowedMatrix,
    isZero: (beat: number, bit: number) => boolean,
  ) {
    this.layer = layer;
    this.matrix = matrix;
    this.isZero = isZero;
    this.parts = layer.output.parts ?? 1;
    const { outputs, inputs, tapOf, channelOf } = matrix;
    const channels = layer.input.shape[2];
    const weights = weightValues(matrix.layer.weights);
    this.terms = Array.from({ length: outputs }, (_, o) =>
      Array.from(
        { length: inputs },
        (__, i) => [tapOf(i) * channels + channelOf(o, i), weights[o * inputs + i]] as const,
      ),
    );
  }

  /** Where the bits of a place's window come from. */
  window(place: number): WindowBit[] {
    const { layer, matrix } = this;
    const width = beatWidth(layer.input);
    const pixels = this.pixels(place);
    return Array.from({ length: matrix.kernel[0] * matrix.kernel[1] * width }, (_, i) => ({
      beat: pixels[Math.floor(i / width)],
      bit: i % width,
    }));
  }

  /** @param part which of the beats of the window's sums */
  at(place: number, part: number, output: Bus): WindowClaim {
    const { layer, isZero } = this;
    const { input } = layer;
    const width = beatWidth(input);
    const bits: number[] = [];
    const offsets = [0];
    const forms = [...this.pixels(place)].flatMap((pixel, tap) =>
      input.forms.map((form, c): Form => {
        const weights = form.weights.filter((_, j) => {
          const bit = input.offsets[c] + j;
          if (pixel >= 0 && isZero(pixel, bit)) return false;
          bits.push(tap * width + bit);
          return true;
        });
        offsets.push(bits.length);
        return tapForm(input, pixel, c, weights);
      }),
    );
    const bus: Bus = {
      shape: [1, 1, forms.length],
      forms,
      offsets: Int32Array.from(offsets),
    };
    const common = { layer: layer.layer, module: layer.module, port: 'y', input: bus, output };
    const key = [...forms, ...output.forms].map(formKey).join();
    const each = output.forms.length;
    const own = this.terms.slice(part * each, (part + 1) * each);
    return { claim: sumsClaim(common, own), key: `${part} ${key}`, bits };
  }

  /** The input's place under each tap, −1 beyond the edges. */
  private pixels(place: number): Int32Array {
    const { layer, matrix } = this;
    const columns = stepLayer(layer.step).output[1];
    const found = new Int32Array(matrix.kernel[0] * matrix.kernel[1]).fill(-1);
    const [y, x] = [Math.floor(place / columns), place % columns];
    for (const { tap, pixel } of windowTaps(matrix, layer.input.shape, y, x)) found[tap] = pixel;
    return found;
  }
}

/** A channel under a tap. Beyond the edges nothing is added to its bits. */
function tapForm(input: Stream, pixel: number, c: number, weights: readonly number[]): Form {
  const form = input.forms[c];
  const base = pixel < 0 ? 0 : baseAt(input, pixel, c);
  if (base === form.base) return { ...form, weights };
  const high = weights.reduce((sum, weight) => sum + weight, base);
  return { base, weights, low: base, high };
}
