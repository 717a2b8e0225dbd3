import type { Form } from '../netlist/value.ts';
import type { Stream } from './stream.ts';

/** How lanes read the bits of a channel: one plane after the other, or all bits together as one number. */
export interface InputPlanes {
  /** Value of the lowest bit of each plane. */
  readonly weights: readonly number[];
  /** Bits of an operand. */
  readonly width: number;
  /** Which of a channel's bits are a plane's operand, least significant first; −1 is 0. Empty: it has no such plane. */
  bits(c: number, plane: number): readonly number[];
}

export function inputPlanes({ forms, coding }: Stream): InputPlanes {
  const all = forms.flatMap(({ weights }) => weights.map((weight) => Math.log2(weight)));
  if (all.length === 0) return { weights: [], width: 1, bits: () => [] };
  const digits = forms.every(({ weights }) => new Set(weights).size === weights.length);
  if (coding === 'planes' || !digits || !all.every(Number.isInteger)) return serial(forms);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const width = high - low + 1;
  return {
    weights: [2 ** low],
    width,
    bits: (c) => {
      const { weights } = forms[c];
      if (weights.length === 0) return [];
      return Array.from({ length: width }, (_, j) => weights.indexOf(2 ** (low + j)));
    },
  };
}

/** A plane for each weight of a bit, and one more where a channel has the same weight again. */
function serial(forms: readonly Form[]): InputPlanes {
  const keysOf = ({ weights }: Form): string[] =>
    weights.map(
      (weight, j) => `${weight},${weights.slice(0, j).filter((w) => w === weight).length}`,
    );
  const keys = forms.map(keysOf);
  const planes = [...new Set(keys.flat())];
  return {
    weights: planes.map((key) => Number(key.split(',')[0])),
    width: 1,
    bits: (c, plane) => {
      const at = keys[c].indexOf(planes[plane]);
      return at < 0 ? [] : [at];
    },
  };
}
