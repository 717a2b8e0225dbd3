import type { Bus } from '@hbnn/circuit';
import { flatLayer, unprovedSums } from '../layerNets.ts';
import type { Found } from '../outputs.ts';
import type { ChainFunction, ChainLink } from './layerFunction.ts';
import { termModule } from './termModule.ts';
import { type Term, type Terms, zeroTerm } from './terms.ts';
import type { WindowClaims } from './windowClaim.ts';

/** What the places of a layer have in common. */
export interface Shared {
  readonly terms: Terms;
  readonly asked: Map<string, Found>;
  readonly isZero: (beat: number, bit: number) => boolean;
  readonly left: () => number;
}

/** The modules of a layer, and all but the last of them. */
export interface LayerChain {
  readonly links: readonly ChainLink[];
  readonly before: ChainFunction;
}

/**
 * Show by their adders that outputs of a layer with weights are what is added up over a place's window.
 *
 * @param n which beat of the layer's output
 * @returns undefined where that does not show them
 */
export function windowSums(
  windows: WindowClaims | undefined,
  { links, before }: LayerChain,
  output: Bus,
  n: number,
  { terms, asked, isZero, left }: Shared,
): { readonly found: Found; readonly y: readonly Term[] } | undefined {
  if (windows === undefined) return undefined;
  const { period, found } = links[links.length - 1];
  const place = Math.floor(n / windows.parts);
  const beat = n % period.output;
  const first = Math.floor(n / period.output) * period.input;
  const bits = windows.window(place);
  // What comes before the last module has to be the window.
  const given = links.length === 1 ? undefined : before.output(place);
  const isWindow = bits.every(({ beat: from, bit }, i) => {
    const wanted = from < 0 || isZero(from, bit) ? zeroTerm : terms.symbol(from, bit);
    return given === undefined ? from === place && bit === i : given[i] === wanted;
  });
  if (!isWindow || (given !== undefined && given.length !== bits.length)) return undefined;
  const { claim, key, bits: own } = windows.at(place, n % windows.parts, output);
  const numbers = new Map(own.map((bit, at) => [bit, at]));
  let isOwn = true;
  const y = terms.replaced(
    found.beats[beat].m_axis_tdata,
    (from, bit) => {
      isOwn &&= first + from === place;
      const at = numbers.get(bit);
      return at === undefined ? zeroTerm : terms.symbol(0, at);
    },
    new Map(),
  );
  if (!isOwn) return undefined;
  const outputs = output.forms.length;
  const proved: Found = { proof: { method: 'adders', outputs, proved: outputs, vectors: 0 } };
  const question = `window ${y.join()} ${key}`;
  if (asked.has(question)) return { found: proved, y };
  const x = own.map((_, at) => terms.symbol(0, at));
  const flat = termModule(terms, claim.module, x, y);
  const sums = claim.terms ?? [];
  const layer = flatLayer(flat, 'y');
  if (flat.fault !== undefined || unprovedSums(layer, claim, sums, () => left() <= 0).length > 0)
    return undefined;
  asked.set(question, proved);
  return { found: proved, y };
}
