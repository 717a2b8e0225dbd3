import type { ElementThresholds, Form } from '@hbnn/circuit';
import { channelThresholds, type ThresholdLayer, treeSize } from '@hbnn/model';

/** What tells an element's thresholds from others', without making anything of them. */
export function thresholdKey(layer: ThresholdLayer, i: number, c: number): string {
  const { multiples, bits, flips } = layer;
  const thresholds = channelThresholds(layer, c);
  let key = `${flips[c]}`;
  for (let n = 0; n < bits[i]; n++) key += `,${multiples[n]}`;
  for (let n = 0; n < treeSize(bits[i]); n++) key += `;${thresholds[n]}`;
  return key;
}

export function thresholdsOf(
  layer: ThresholdLayer,
  i: number,
  c: number,
  form: Form,
): ElementThresholds {
  const given = {
    multiples: [...layer.multiples.subarray(0, layer.bits[i])],
    thresholds: channelThresholds(layer, c),
    flip: layer.flips[c] === 1,
  };
  if (form.weights.length <= pixelBits) return given;
  return { ...given, thresholds: reachedThresholds(given, form) };
}

/** Comparisons of more bits than a pixel's are many tables, which synthesis takes out where outcomes are decided. */
const pixelBits = 8;

/**
 * Thresholds as synthesis finds them: a node's comparison whose outcome the nodes before it have decided is constant,
 * and what would follow its other outcome does not matter.
 */
function reachedThresholds(
  { multiples, thresholds, flip }: ElementThresholds,
  { low, high }: Form,
): number[] {
  const count = 2 ** multiples.length;
  const reached = new Array<number>(count).fill(0);
  const copy = (from: number, to: number): void => {
    if (to >= count) return;
    reached[to] = reached[from];
    copy(2 * from, 2 * to);
    copy(2 * from + 1, 2 * to + 1);
  };
  const visit = (node: number, least: number, max: number): void => {
    if (node >= count) return;
    const at = thresholds[node - 1];
    const [met, missed] = flip ? [2 * node, 2 * node + 1] : [2 * node + 1, 2 * node];
    if (at > least && at <= max) {
      reached[node] = at;
      visit(met, at, max);
      visit(missed, least, at - 1);
      return;
    }
    const always = at <= least;
    reached[node] = always ? low : high + 1;
    visit(always ? met : missed, least, max);
    copy(always ? met : missed, always ? missed : met);
  };
  visit(1, low, high);
  return reached.slice(1);
}
