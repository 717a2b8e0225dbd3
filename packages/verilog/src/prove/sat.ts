import type { Form } from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import { type YosysBit, yosys } from '../yosys/yosys.ts';
import { type YosysPool, YosysTimeout } from '../yosys/yosysPool.ts';
import type { Claim } from './claim.ts';
import { logicOf } from './logic.ts';
import type { FlatModule } from './netlist.ts';
import { bitsFor, literal, magnitude, whole } from './statements.ts';

/** Logic of an output as Verilog, and what it has to be: a module `top` whose output `same` is 1 where they agree. */
export interface Question {
  readonly text: string;
  /** Elements whose bits are x, in order, least significant first. */
  readonly elements: readonly number[];
  readonly width: number;
  /** Sums: the decision diagrams of sums stay small, whatever adders they are made of. */
  readonly sums: boolean;
}

/**
 * Ask whether an output is what it should be for all values in the ranges of its inputs.
 *
 * @param module the layer without registers
 */
export function questionOf(
  module: FlatModule,
  claim: Claim,
  o: number,
  elements: readonly number[],
): Question {
  const { input, output } = claim;
  const wanted = claim.wanted(o, elements);
  const sums = claim.terms !== undefined;
  const forms = elements.map((i) => input.forms[i]);
  const places = new Map<YosysBit, string>();
  elements.forEach((i, n) => {
    input.forms[i].weights.forEach((_, j) => {
      const net = module.inputs.x?.[input.offsets[i] + j];
      if (net !== undefined) places.set(net, `x${n}[${j}]`);
    });
  });
  const form = output.forms[o];
  const y = form.weights.map((_, j) => module.outputs[claim.port][output.offsets[o] + j]);
  const max = Math.max(wanted(64).max, magnitude(form), ...forms.map(magnitude));
  const width = bitsFor(max);
  const { lines, value } = wanted(width);
  const ports = forms.flatMap(({ weights }, n) =>
    weights.length === 0
      ? []
      : [`wire [${weights.length - 1}:0] x${n} = x[${startOf(forms, n)} +: ${weights.length}];`],
  );
  const inRange = forms.flatMap((eachForm, n) =>
    whole(eachForm)
      ? []
      : [`e${n} >= ${literal(eachForm.low, width)} && e${n} <= ${literal(eachForm.high, width)}`],
  );
  const decoded = (name: string, { base, weights }: Form, bit: (j: number) => string): string =>
    `wire signed [W-1:0] ${name} = ${[literal(base, width), ...weights.map((w, j) => `(${bit(j)} ? ${literal(w, width)} : 0)`)].join(' + ')};`;
  const total = startOf(forms, forms.length);
  const values =
    sums && inRange.length === 0
      ? []
      : forms.map((each, n) => decoded(`e${n}`, each, (j) => `x${n}[${j}]`));
  const cone = logicOf(module, places, y);
  const text = [
    `module top (input wire [${Math.max(1, total) - 1}:0] x, output wire same);`,
    `localparam W = ${width};`,
    ...ports,
    ...cone.lines,
    ...values,
    ...lines,
    decoded('got', form, (j) => cone.bits[j]),
    `wire signed [W-1:0] wanted = ${value};`,
    `assign same = ${inRange.length === 0 ? '' : `!(${inRange.join(' && ')}) || `}got == wanted;`,
    'endmodule\n',
  ].join('\n');
  return { text, elements, width: total, sums };
}

const startOf = (forms: readonly Form[], n: number): number =>
  forms.slice(0, n).reduce((sum, { weights }) => sum + weights.length, 0);

/**
 * Bits that an output may depend on when `sat` is asked. Within the default 120 s of a layer it ended for a sum of 144
 * bits of 1-bit weights (33 s) but not for 288, and for the largest of ten scores of 14 bits (2 s), on a busy machine.
 */
export const maxSatBits = 144;

/** What is asked is true; false for the values of these bits; not known, within the time; or no question for sat. */
export type Answer = 'proved' | 'open' | 'refused' | { readonly bits: readonly number[] };

const failed = /proof did fail/;

/** Decision diagrams of the whole, and gates again: tables of many inputs are more than Yosys reads back. */
const diagrams = 'strash; collapse; strash';

/**
 * Ask Yosys's `sat`. For sums, abc's decision diagrams come first (`collapse`): sat alone takes exponential time where
 * adders are of other structure, while every bit of a sum of n bits of small weights has a diagram of about n · sum
 * nodes. What sat then finds left of a true question is a constant.
 */
export async function ask(
  pool: YosysPool,
  name: string,
  { text, sums, width }: Question,
  maxSeconds: number,
): Promise<Answer> {
  const files = { 'question.v': text, 'diagrams.abc': diagrams };
  const script = [
    'read_verilog question.v',
    'hierarchy -top top',
    'proc',
    'opt',
    'techmap',
    'opt',
    ...(sums ? ['abc -script diagrams.abc', 'opt_clean'] : []),
  ];
  const run = (sat: string): string => `${[...script, sat].join('\n')}\n`;
  try {
    await pool.run({ name, script: run('sat -verify -prove same 1 top'), files, maxSeconds });
    return 'proved';
  } catch (error) {
    if (error instanceof YosysTimeout) return 'open';
    if (!(error instanceof HbnnError)) throw error;
    if (!failed.test(error.message)) return 'refused';
  }
  // Once more for the values: it ended already.
  const sat = 'sat -prove same 1 -show x -dump_json values.json top';
  const { files: left } = await yosys(run(sat), files);
  const word = /"name": "x".*?"data": \["([01x]+)"/.exec(left['values.json'] ?? '')?.[1] ?? '';
  const bits = [...word.padStart(width, '0')].reverse().map((bit) => (bit === '1' ? 1 : 0));
  return { bits };
}

/** The values of a question's elements, from bits of its x. */
export function valuesOf(
  { elements }: Question,
  forms: readonly Form[],
  bits: readonly number[],
): Map<number, readonly number[]> {
  const found = new Map<number, readonly number[]>();
  let at = 0;
  for (const element of elements) {
    const { length } = forms[element].weights;
    found.set(element, bits.slice(at, at + length));
    at += length;
  }
  return found;
}
