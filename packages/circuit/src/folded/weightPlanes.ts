import { type IntegerWeights, rowLength } from '@hbnn/model';

/** A bit of weights: ±factor where it is a member. */
export interface WeightPlane {
  /** A code for each weight, output after output: bit 0 is 1 where it is a member, bit 1 where its sign is plus. */
  readonly codes: Uint8Array;
  member(o: number, i: number): boolean;
  positive(o: number, i: number): boolean;
  factor(o: number): number;
}

/** Bits of a weight's code in a plane. */
export const [isMember, isPlus] = [1, 2] as const;

/** Planes of weights: those of residual binarization, or the eight digits of two's complement. */
export const weightPlanes = (weights: IntegerWeights): WeightPlane[] =>
  weights.kind === 'int8' ? digitPlanes(weights) : residualPlanes(weights);

function planeOf(codes: Uint8Array, row: number, factor: (o: number) => number): WeightPlane {
  return {
    codes,
    member: (o, i) => (codes[o * row + i] & isMember) !== 0,
    positive: (o, i) => (codes[o * row + i] & isPlus) !== 0,
    factor,
  };
}

function digitPlanes({ shape, values }: IntegerWeights & { readonly kind: 'int8' }): WeightPlane[] {
  return Array.from({ length: 8 }, (_, n) => {
    const sign = n < 7 ? isPlus : 0;
    const codes = new Uint8Array(values.length);
    for (let at = 0; at < codes.length; at++) codes[at] = ((values[at] >> n) & isMember) | sign;
    return planeOf(codes, rowLength(shape), () => 2 ** n);
  });
}

function residualPlanes(weights: IntegerWeights & { readonly kind: 'planes' }): WeightPlane[] {
  const { shape, bits, signs, multiples, scalePer } = weights;
  const row = rowLength(shape);
  return multiples.map((ks, n) => {
    const factor = (o: number): number => ks[scalePer === 'tensor' ? 0 : o];
    const codes = new Uint8Array(bits.length);
    for (let o = 0, at = 0; at < codes.length; o++) {
      const isUsed = factor(o) !== 0;
      for (const end = at + row; at < end; at++) {
        if (isUsed && bits[at] > n) codes[at] = isMember;
        if (((signs[at] >> n) & 1) === 1) codes[at] |= isPlus;
      }
    }
    return planeOf(codes, row, factor);
  });
}
