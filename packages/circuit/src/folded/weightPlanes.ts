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
    const positive = (o: number, i: number): boolean => ((signs[o * row + i] >> n) & 1) === 1;
    const hasBit = (o: number, i: number): boolean => bits[o * row + i] > n;
    if (scalePer === 'tensor') {
      const [k] = ks;
      return { member: k === 0 ? () => false : hasBit, positive, factor: () => k };
    }
    const factor = (o: number): number => ks[o];
    return { member: (o, i) => hasBit(o, i) && ks[o] !== 0, positive, factor };
  });
}
