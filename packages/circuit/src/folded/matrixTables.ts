import { bitLength } from '../netlist/bitHeap.ts';
import { KeyNumbers } from '../netlist/keyNumbers.ts';
import type { FoldSchedule } from './foldSchedule.ts';
import type { Fold } from './folds.ts';
import type { InputPlanes } from './inputPlanes.ts';
import { atOnceWord, type LanesAtOnce, noInput } from './lanesAtOnce.ts';
import { type Batch, type Lane, operandKey } from './packLanes.ts';
import type { WindowedMatrix } from './stream.ts';
import { isMember, isPlus, type WeightPlane } from './weightPlanes.ts';

/**
 * What says which weights are members of a plane: nothing where all are, a bit of each PE where its lanes agree, or one of
 * each lane. Idle lanes have an operand of 0 and need none.
 */
type Members = 'all' | 'rows' | 'each';

/** Cycles one after the other whose operands, and words of weights, are counted up from the first's. */
interface Run {
  readonly operand: number;
  /** The first word, from where the group's begin. */
  readonly weight: number;
  readonly length: number;
  /** The factor, or where factors differ from PE to PE the number of the group's word of them. */
  readonly factor: number;
  /** It is the last one of its group. */
  readonly last: boolean;
}

/** Contents of a matrix unit's memories, as numbers of any width. */
export interface MatrixTables {
  readonly schedule: FoldSchedule;
  /** Bits of an accumulator. */
  readonly width: number;
  /** Group after group its batches, each once: signs and, where some are no members, members. */
  readonly weights: readonly bigint[];
  readonly weightBits: number;
  /** Those of each PE, without members: a sign for each lane, and where lanes choose their inputs which. */
  readonly peBits: number;
  /** The factor of each plane of the weights where lanes are for all at once; `factors` are the inputs' alone there. */
  readonly planeFactors?: readonly number[];
  readonly members: Members;
  /** Values that factors of the products have, ascending. */
  readonly factors: readonly number[];
  /** Where factors differ from PE to PE: those of each group, a word for each pair of planes. */
  readonly factorWords?: readonly (readonly (readonly number[])[])[];
  /** What the lanes work on. */
  readonly operands: readonly (readonly Lane[])[];
  /** Those of each pattern of the schedule, from its start. */
  readonly runs: readonly Run[];
  readonly starts: readonly number[];
  /** Words of weights of a group of each pattern. */
  readonly wordCounts: readonly number[];
  /** Each cycle has the next word of weights: none is taken again. */
  readonly weightsInOrder: boolean;
  /** What each output is short of because a minus is made by inverting, to be added once per place. */
  readonly corrections: readonly number[];
}

/** Batches of a pattern with a word of weights of their own, and its runs. */
interface PatternTables {
  readonly words: readonly Batch[];
  readonly runs: readonly Run[];
}

const factorPerPe = ({ layer: { weights } }: WindowedMatrix): boolean =>
  weights.kind === 'planes' && weights.scalePer === 'output';

/** Work out a matrix unit's memories for a schedule. */
export function matrixTables(
  matrix: WindowedMatrix,
  planes: readonly WeightPlane[],
  inputs: InputPlanes,
  schedule: FoldSchedule,
  width: number,
): MatrixTables {
  const { fold, outputAt, patterns, patternOf, atOnce } = schedule;
  const { pe } = fold;
  const perPe = factorPerPe(matrix);
  // Where nothing is added any factor will do: one that is there anyway.
  const working = patterns.flat().find(({ weightPlane }) => weightPlane >= 0);
  const factorOf = (pair: Batch | undefined, o: number): number => {
    const { weightPlane, inputPlane } =
      pair === undefined || pair.weightPlane < 0 ? (working ?? pair ?? noBatch) : pair;
    if (weightPlane < 0) return 1;
    return (atOnce !== undefined ? 1 : planes[weightPlane].factor(o)) * inputs.weights[inputPlane];
  };
  const operandOf = new KeyNumbers();
  const operands: (readonly Lane[])[] = [];
  const pairOf = new KeyNumbers();
  const pairs: Batch[] = [];
  const made = patterns.map((batches) =>
    patternTables(batches, (batch) => {
      const operand = operandOf.of(operandKey(batch.lanes));
      operands[operand] ??= batch.lanes;
      const pair = pairOf.of(`${batch.weightPlane},${batch.inputPlane}`);
      pairs[pair] ??= batch;
      return { operand, factor: perPe ? pair : factorOf(batch, 0) };
    }),
  );
  const groups = patternOf.map((pattern, g) => ({
    outputs: outputAt.slice(g * pe, (g + 1) * pe),
    pattern,
  }));
  const words = groups.flatMap(({ pattern, outputs }) =>
    made[pattern].words.map((batch) => ({ batch, outputs })),
  );
  const stored =
    atOnce === undefined
      ? planeWords(matrix, planes, words, fold)
      : atOnceWords(planes, words, atOnce);
  const runs = made.flatMap((pattern) => pattern.runs);
  const factorWords = groups.map(({ outputs }) =>
    pairs.map((pair) => outputs.map((o) => factorOf(pair, o))),
  );
  const factors = perPe ? factorWords.flat(2) : runs.map(({ factor }) => factor);
  let at = 0;
  const starts = made.map((pattern) => {
    at += pattern.runs.length;
    return at - pattern.runs.length;
  });
  return {
    schedule,
    width,
    ...stored,
    operands,
    runs,
    starts,
    wordCounts: made.map((pattern) => pattern.words.length),
    weightsInOrder: made.every((pattern, k) => pattern.words.length === patterns[k].length),
    factors: [...new Set(factors)].sort((a, b) => a - b),
    ...(perPe && { factorWords }),
    corrections: correctionsOf(matrix, planes, inputs, schedule),
  };
}

type StoredWeights = Pick<
  MatrixTables,
  'members' | 'weights' | 'weightBits' | 'peBits' | 'planeFactors'
>;

/** A word of weights that is to be stored: of a batch, for the outputs of a group. */
interface WantedWord {
  readonly batch: Batch;
  readonly outputs: readonly number[];
}

function planeWords(
  { inputs: row }: WindowedMatrix,
  planes: readonly WeightPlane[],
  wanted: readonly WantedWord[],
  { pe, simd }: Fold,
): StoredWeights {
  const words = wanted.map((word) => weightWord(planes, word, row, simd));
  const members = membersOf(words);
  return {
    members,
    weights: words.map((word) => packedWord(word, members, pe * simd)),
    weightBits: pe * simd + { all: 0, rows: pe, each: pe * simd }[members],
    peBits: simd,
  };
}

function atOnceWords(
  planes: readonly WeightPlane[],
  wanted: readonly WantedWord[],
  lanes: LanesAtOnce,
): StoredWeights {
  const { wordBits: bits } = lanes;
  const weights = wanted.map(({ batch, outputs }) =>
    outputs.reduceRight(
      (word, o) => (word << BigInt(bits)) | atOnceWord(lanes, planes, batch, o),
      0n,
    ),
  );
  const planeFactors = lanes.planes.map((_, n) => planes[n].factor(0));
  return {
    members: 'all',
    weights,
    weightBits: (wanted[0]?.outputs.length ?? 1) * bits,
    peBits: bits,
    planeFactors,
  };
}

const noBatch: Batch = { weightPlane: -1, inputPlane: 0, lanes: [] };

function patternTables(
  batches: readonly Batch[],
  stepOf: (batch: Batch) => Pick<Run, 'operand' | 'factor'>,
): PatternTables {
  const wordOf = new KeyNumbers();
  const words: Batch[] = [];
  const runs: Run[] = [];
  batches.forEach((batch, s) => {
    const taken = batch.lanes.map(({ input, weightPlane }) => `${input}.${weightPlane}`);
    const weight = wordOf.of(taken.join());
    words[weight] ??= batch;
    const { operand, factor } = stepOf(batch);
    const last = s === batches.length - 1;
    const before = runs[runs.length - 1];
    const follows =
      before !== undefined &&
      before.operand + before.length === operand &&
      before.weight + before.length === weight &&
      before.factor === factor;
    if (follows) runs[runs.length - 1] = { ...before, length: before.length + 1, last };
    else runs.push({ operand, weight, length: 1, factor, last });
  });
  return { words, runs };
}

function correctionsOf(
  { outputs, inputs: row }: WindowedMatrix,
  planes: readonly WeightPlane[],
  inputs: InputPlanes,
  { fold: { pe }, outputAt, patterns, patternOf, atOnce }: FoldSchedule,
): number[] {
  const most = 2 ** inputs.width - 1;
  const corrections = new Array<number>(outputs).fill(0);
  const isMinus = (n: number, o: number, input: number): boolean =>
    input !== noInput && (planes[n].codes[o * row + input] & (isMember | isPlus)) === isMember;
  outputAt.forEach((o, at) => {
    for (const batch of patterns[patternOf[Math.floor(at / pe)]]) {
      // A cycle counts times the factor of its batch. Where it has all planes at once, each counts times its own.
      let minus = 0;
      for (const { input, weightPlane } of batch.lanes) {
        if (atOnce !== undefined)
          atOnce.planes.forEach((_, n) => {
            if (isMinus(n, o, input)) minus += planes[n].factor(o);
          });
        else if (isMinus(weightPlane, o, input)) minus += planes[batch.weightPlane].factor(o);
      }
      if (minus > 0) corrections[o] -= most * minus * inputs.weights[batch.inputPlane];
    }
  });
  return corrections;
}

/** Bit p · SIMD + l is that of PE p and lane l. */
interface WeightWord {
  readonly signs: bigint;
  readonly members: bigint;
  /** Bit p where all lanes of PE p that are not idle are members; undefined where some are and others are not. */
  readonly rows: bigint | undefined;
  /** All lanes that are not idle are members. */
  readonly all: boolean;
}

function membersOf(words: readonly WeightWord[]): Members {
  if (words.every(({ all }) => all)) return 'all';
  return words.every(({ rows }) => rows !== undefined) ? 'rows' : 'each';
}

function packedWord({ signs, members, rows = 0n }: WeightWord, by: Members, lanes: number): bigint {
  if (by === 'all') return signs;
  return ((by === 'rows' ? rows : members) << BigInt(lanes)) | signs;
}

/** Idle lanes, and those that are no members, are as if their sign was plus. */
function weightWord(
  planes: readonly WeightPlane[],
  { batch: { lanes }, outputs }: WantedWord,
  row: number,
  simd: number,
): WeightWord {
  const signs = new Uint8Array(outputs.length * simd).fill(1);
  const members = new Uint8Array(outputs.length * simd);
  const rows = new Uint8Array(outputs.length);
  let [all, uniform] = [true, true];
  outputs.forEach((o, p) => {
    let own = 0;
    lanes.forEach(({ input, weightPlane }, l) => {
      const code = planes[weightPlane].codes[o * row + input];
      if ((code & isMember) === 0) return;
      own++;
      members[p * simd + l] = 1;
      if ((code & isPlus) === 0) signs[p * simd + l] = 0;
    });
    all &&= own === lanes.length;
    uniform &&= own === lanes.length || own === 0;
    if (own === lanes.length) rows[p] = 1;
  });
  return {
    signs: numberOf(signs),
    members: numberOf(members),
    rows: uniform ? numberOf(rows) : undefined,
    all,
  };
}

const ascii = new TextDecoder();
const hexDigits = new TextEncoder().encode('0123456789abcdef');

/** The number with these bits, the lowest first. */
function numberOf(bits: Uint8Array): bigint {
  const digits = new Uint8Array(Math.ceil(bits.length / 4));
  const last = digits.length - 1;
  for (let i = 0; i < bits.length; i++) digits[last - (i >> 2)] |= bits[i] << (i & 3);
  return BigInt(`0x${ascii.decode(digits.map((digit) => hexDigits[digit]))}`);
}

/** Bits of numbers up to `most`, at least one. */
const bitsFor = (most: number): number => Math.max(1, bitLength(BigInt(most)));

/** A field of the words that say what is done in each run. */
interface RunField {
  readonly name: 'operand_at' | 'weight_from' | 'left' | 'last_run' | 'factor' | 'factor_at';
  readonly width: number;
  readonly values: readonly number[];
}

/** The fields of a run's word. */
export function runFields(tables: MatrixTables): RunField[] {
  const { runs, operands, factors, factorWords, weightsInOrder } = tables;
  const most = (of: (run: Run) => number): number =>
    runs.reduce((n, run) => Math.max(n, of(run)), 0);
  const field = (name: RunField['name'], top: number, of: (run: Run) => number): RunField => ({
    name,
    width: bitsFor(top),
    values: runs.map(of),
  });
  const fields = [
    field('operand_at', operands.length - 1, ({ operand }) => operand),
    field('left', most(({ length }) => length) - 1, ({ length }) => length - 1),
    field('last_run', 1, ({ last }) => (last ? 1 : 0)),
  ];
  if (!weightsInOrder)
    fields.push(
      field(
        'weight_from',
        most(({ weight }) => weight),
        ({ weight }) => weight,
      ),
    );
  if (factors.length > 1 && factorWords === undefined)
    fields.push(field('factor', factors[factors.length - 1], ({ factor }) => factor));
  if (factors.length > 1 && factorWords !== undefined)
    fields.push(field('factor_at', factorWords[0].length - 1, ({ factor }) => factor));
  return fields;
}

/** Bits of the memories that say what is done in each cycle: runs, and which pattern a group has and where it starts. */
export function controlBits(tables: MatrixTables): number {
  const { runs, starts, schedule, weightsInOrder, weights } = tables;
  const word = runFields(tables).reduce((sum, { width }) => sum + width, 0);
  if (starts.length === 1) return runs.length * word;
  const start = bitsFor(runs.length - 1) + (weightsInOrder ? 0 : bitsFor(weights.length));
  return runs.length * word + schedule.groups * bitsFor(starts.length - 1) + starts.length * start;
}
