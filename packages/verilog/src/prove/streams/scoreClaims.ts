import type { Bus, Form } from '@hbnn/circuit';
import type { CheckedModel } from '@hbnn/model';
import { largestLines, scoreForm } from '../claims.ts';
import { type LocalClaim, sumsClaim } from './placeClaim.ts';

/** The scores of a beat: the last layer's outputs and their offsets, in two's complement of 32 bits. */
export function scoresOfBeat(
  { scoreOffsets }: CheckedModel,
  input: Bus,
  first: number,
): LocalClaim {
  const forms = input.forms.map(
    ({ low, high }, i): Form => scoreForm(low, high, scoreOffsets[first + i]),
  );
  const output = { shape: input.shape, forms, offsets: wordOffsets(forms.length, 32) };
  const common = { layer: 'scores', module: 'scores', port: 'y', input, output };
  const claim = sumsClaim(
    common,
    input.forms.map((_, i) => [[i, 1]]),
  );
  const shown = (o: number, value: number): number => value + scoreOffsets[first + o];
  return { claim: { ...claim, shown }, key: `${first}` };
}

/** The number of the largest score, the first of equal ones. */
export function largestOfBeats(
  { scoreOffsets }: CheckedModel,
  input: Bus,
  width: number,
): LocalClaim {
  const count = input.forms.length;
  const index: Form = {
    base: 0,
    low: 0,
    high: count - 1,
    weights: Array.from({ length: width }, (_, j) => 2 ** j),
  };
  const score = (values: Int32Array, k: number): number => values[k] + scoreOffsets[k];
  return {
    claim: {
      layer: 'largest',
      module: 'largest',
      port: 'y',
      input,
      output: { shape: [1, 1, 1], forms: [index], offsets: wordOffsets(1, width) },
      step: (values) => {
        let best = 0;
        for (let k = 1; k < count; k++) if (score(values, k) > score(values, best)) best = k;
        return Int32Array.of(best);
      },
      dependencies: [input.forms.map((_, k) => k)],
      wanted: (_, elements) => (bits) => ({
        lines: input.forms.flatMap((__, k) => {
          const offset = scoreOffsets[k];
          const literal = `${offset < 0 ? '-' : '+'} ${bits}'sd${Math.abs(offset)}`;
          return largestLines(k, `e${elements.indexOf(k)} ${literal}`, bits);
        }),
        value: `at${count - 1}`,
        max: input.forms.reduce(
          (most, { low, high }, k) =>
            Math.max(most, Math.abs(low + scoreOffsets[k]), Math.abs(high + scoreOffsets[k]) + 1),
          Math.max(count, ...scoreOffsets.map(Math.abs)),
        ),
      }),
      shown: (_, value) => value,
    },
    key: 'largest',
  };
}

const wordOffsets = (count: number, width: number): Int32Array =>
  Int32Array.from({ length: count + 1 }, (_, i) => width * i);
