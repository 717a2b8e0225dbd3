import { runFields } from './matrixTables.ts';
import type { MatrixUnit } from './units.ts';

/** Bits of a counter that goes up to a number. */
export const countBits = (max: number): number =>
  Math.max(1, Math.ceil(Math.log2(Math.max(1, max) + 1)));

/** A memory that is only read: a word at each address. */
export interface Rom {
  readonly width: number;
  readonly addressWidth: number;
  readonly words: readonly (number | bigint)[];
}

/** Bits of a matrix's factors that differ; 0 where there is one alone. */
export const factorWidth = (factors: readonly number[]): number =>
  factors.length > 1 ? countBits(factors[factors.length - 1]) : 0;

/** What accumulators start from: a word for each class of places and group of outputs, the group lowest in the address. */
export function startRom({ tables, starts }: MatrixUnit): Rom {
  const { width, schedule } = tables;
  const { outputAt, groups } = schedule;
  const { pe } = schedule.fold;
  const groupBits = countBits(groups - 1);
  const words: bigint[] = [];
  for (const vector of starts.vectors)
    for (let group = 0; group < 2 ** groupBits; group++) {
      let word = 0n;
      for (let p = pe - 1; p >= 0; p--)
        word = (word << BigInt(width)) | BigInt(vector[outputAt[group * pe + p]] ?? 0);
      words.push(word);
    }
  const classBits = starts.table.count > 1 ? countBits(starts.table.count - 1) : 0;
  return { width: pe * width, addressWidth: groupBits + classBits, words };
}

/** Factors of each group's PEs, a word for each pair of planes; undefined where PEs do not differ. */
export function factorRom({ tables }: MatrixUnit): Rom | undefined {
  const { factorWords, schedule, factors } = tables;
  const each = factorWidth(factors);
  if (factorWords === undefined || each === 0) return undefined;
  const pairBits = countBits(factorWords[0].length - 1);
  const words = factorWords.flatMap((group) =>
    Array.from({ length: 2 ** pairBits }, (_, pair) =>
      (group[pair] ?? []).reduceRight(
        (word, factor) => (word << BigInt(each)) | BigInt(factor),
        0n,
      ),
    ),
  );
  return {
    width: each * schedule.fold.pe,
    addressWidth: countBits(schedule.groups - 1) + pairBits,
    words,
  };
}

/** The words of a matrix's runs, their fields from the lowest bit on. */
export function runRom({ tables }: MatrixUnit): Rom {
  const fields = runFields(tables);
  const words = tables.runs.map((_, i) => {
    let [word, at] = [0n, 0n];
    for (const { width, values } of fields) {
      word |= BigInt(values[i]) << at;
      at += BigInt(width);
    }
    return word;
  });
  const width = fields.reduce((sum, field) => sum + field.width, 0);
  return { width, addressWidth: countBits(tables.runs.length - 1), words };
}

/** The words of a matrix's weights. */
export const weightRom = ({ tables }: MatrixUnit): Rom => ({
  width: tables.weightBits,
  addressWidth: countBits(tables.weights.length - 1),
  words: tables.weights,
});
