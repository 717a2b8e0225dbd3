import { type IntegerWeights, rowLength } from '@hbnn/model';

/** A bit of weights: ±factor where it is a member. */
export interface WeightPlane {
  member(o: number, i: number): boolean;
  positive(o: number, i: number): boolean;
  factor(o: number): number;
}

/** Planes of weights: those of residual binarization, or the eight digits of two's complement. */
export function weightPlanes(weights: IntegerWeights): WeightPlane[] {
  const row = rowLength(weights.shape);
  if (weights.kind === 'int8') {
    const { values } = weights;
    return Array.from({ length: 8 }, (_, n) => ({
      member: (o, i) => ((values[o * row + i] >> n) & 1) === 1,
      positive: () => n < 7,
      factor: () => 2 ** n,
    }));
  }
  const { bits, signs, multiples, scalePer } = weights;
  return multiples.map((ks, n) => {
    const factor = (o: number): number => ks[scalePer === 'tensor' ? 0 : o];
    return {
      member: (o, i) => bits[o * row + i] > n && factor(o) !== 0,
      positive: (o, i) => ((signs[o * row + i] >> n) & 1) === 1,
      factor,
    };
  });
}
