/**
 * What lanes for balanced maps would take: a processing element that works on `inputs` one-bit inputs in a cycle, with
 * weights of 1 or 2 bits for all, or of 1.4 bits on average in groups with as many weights of each bitwidth.
 *
 *     pnpm bench:balanced [--inputs 40] [--json] [--save]
 *
 * Where every group has m weights with a second plane, that plane has m lanes for the group, and each of them chooses
 * its input among the group's: the j-th in order has only the group − m + 1 places from j on to choose from. A third
 * plane's lanes choose among the inputs of the second. Signs and choices come from the weight memory. Each plane counts the products that are +1 and adds the count to a register of
 * its own. The counting circuit is computed from its text for random bits and compared before it is synthesized.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { wholeNumber } from '@hbnn/cli/numbers';
import { HbnnError, random } from '@hbnn/core';
import { cellFile } from '@hbnn/estimator';
import { readCircuit, synthesisTarget, synthesize } from '@hbnn/verilog';
import { provenance } from '../results/provenance.ts';
import { saveRows } from '../results/storedRows.ts';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '40' },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});
const inputs = wholeNumber(values.inputs, '--inputs');

/** A group of inputs and how many of its weights have each plane, the first plane first. */
interface Lanes {
  readonly name: string;
  readonly group: number;
  readonly members: readonly number[];
}

const cases: readonly Lanes[] = [
  { name: '1 bit', group: 1, members: [1] },
  { name: '2 bits', group: 1, members: [1, 1] },
  { name: '1.4 bits, of 5 weights 2 have 2', group: 5, members: [5, 2] },
  { name: '1.4 bits, of 10 weights 4 have 2', group: 10, members: [10, 4] },
  { name: '1.4 bits, of 10 weights 2 have 2 and 1 has 3', group: 10, members: [10, 3, 1] },
];

const bitsFor = (choices: number): number => Math.ceil(Math.log2(choices));

/** A lane of a plane, which chooses its input among some of the inputs of the plane before. */
interface Lane {
  readonly first: number;
  readonly choices: number;
  /** The first bits of its sign and of its choice in the weight word. */
  readonly sign: number;
  readonly choice: number;
}

/** The lanes of every plane, and the bits of a weight word. */
function lanesOf({ group, members }: Lanes): { planes: Lane[][]; wordBits: number } {
  if (inputs < group || inputs % group !== 0)
    throw new HbnnError(`--inputs: expected a multiple of 10, got ${inputs}; pass 40`);
  let wordBits = 0;
  const taken = (bits: number): number => {
    wordBits += bits;
    return wordBits - bits;
  };
  const planes = members.map((count, n) => {
    const before = n === 0 ? group : members[n - 1];
    const choices = before - count + 1;
    return Array.from({ length: (inputs / group) * count }, (_, lane): Lane => {
      const first = Math.floor(lane / count) * before + (lane % count);
      return { first, choices, sign: taken(1), choice: taken(bitsFor(choices)) };
    });
  });
  return { planes, wordBits };
}

/** The module that counts, without registers. */
function countingText(lanes: Lanes): string {
  const { planes, wordBits } = lanesOf(lanes);
  const lines = planes.flatMap((plane, n) => {
    const from = n === 0 ? 'x' : `plane${n - 1}`;
    const chosen = ({ first, choices, choice }: Lane): string =>
      choices === 1
        ? `${from}[${first}]`
        : `one_of_${choices}(${from}[${first} +: ${choices}], w[${choice} +: ${bitsFor(choices)}])`;
    const width = bitsFor(plane.length + 1);
    // In braces, since a sum's operands are made as wide as the sum before they are compared.
    const products = plane.map(({ sign }, lane) => `{plane${n}[${lane}] ~^ w[${sign}]}`);
    return [
      `  wire [${plane.length - 1}:0] plane${n} = {${plane.map(chosen).reverse().join(', ')}};`,
      `  assign count${n} = ${[`${width}'d0`, ...products].join(' + ')};`,
    ];
  });
  const choiceCounts = new Set(planes.flatMap((plane) => plane.map(({ choices }) => choices)));
  const functions = [...choiceCounts].filter((choices) => choices > 1).flatMap(choosing);
  const ports = planes.map((plane, n) => `output [${bitsFor(plane.length + 1) - 1}:0] count${n}`);
  const head = `module counting(input [${inputs - 1}:0] x, input [${wordBits - 1}:0] w, ${ports.join(', ')});`;
  return [head, ...functions, ...lines, 'endmodule', ''].join('\n');
}

/** A function that takes one bit of a vector; the last one for every number beyond it. */
function choosing(choices: number): string[] {
  const name = `one_of_${choices}`;
  const cases = Array.from({ length: choices - 1 }, (_, i) => `      ${i}: ${name} = from[${i}];`);
  return [
    `  function ${name}(input [${choices - 1}:0] from, input [${bitsFor(choices) - 1}:0] at);`,
    '    case (at)',
    ...cases,
    `      default: ${name} = from[${choices - 1}];`,
    '    endcase',
    '  endfunction',
  ];
}

/** Bits of a sum over 1,024 cycles. */
const cycleBits = 10;

/** The counts added up, a register for each plane. */
function elementText(lanes: Lanes): string {
  const { planes, wordBits } = lanesOf(lanes);
  const widths = planes.map((plane) => bitsFor(plane.length + 1));
  const ports = widths.map((width, n) => `output reg [${width + cycleBits - 1}:0] sum${n}`);
  const wires = widths.map((width, n) => `  wire [${width - 1}:0] count${n};\n`);
  const adds = widths.map((_, n) => `    sum${n} <= (first ? 0 : sum${n}) + count${n};\n`);
  const counts = widths.map((_, n) => `.count${n}(count${n})`);
  return `module element(input clock, input first, input [${inputs - 1}:0] x, input [${wordBits - 1}:0] w, ${ports.join(', ')});
${wires.join('')}  counting counting_0(.x(x), .w(w), ${counts.join(', ')});
  always @(posedge clock) begin
${adds.join('')}  end
endmodule
`;
}

const vectors = 500;

/** Compare the text's counts with counts of random bits. @throws HbnnError where they differ */
async function check(lanes: Lanes): Promise<void> {
  const { planes, wordBits } = lanesOf(lanes);
  const circuit = await readCircuit({ 'counting.v': countingText(lanes) }, 'counting', 'xc7');
  const rng = random('balanced lanes', lanes.name);
  const given = Uint8Array.from({ length: vectors * (inputs + wordBits) }, () => rng.below(2));
  const found = circuit.compute(given);
  for (let v = 0; v < vectors; v++) {
    const bits = given.subarray(v * circuit.inputBits, (v + 1) * circuit.inputBits);
    const number = (from: Uint8Array, at: number, width: number): number =>
      Array.from({ length: width }, (_, i) => from[at + i] * 2 ** i).reduce((a, b) => a + b, 0);
    let at = v * circuit.outputBits;
    let before = [...bits.subarray(0, inputs)];
    for (const plane of planes) {
      const chosen = plane.map(({ first, choices, choice }) => {
        const place = number(bits, inputs + choice, bitsFor(choices));
        return before[first + Math.min(place, choices - 1)];
      });
      const wanted = plane.filter(({ sign }, lane) => chosen[lane] === bits[inputs + sign]).length;
      const width = bitsFor(plane.length + 1);
      const counted = number(found, at, width);
      if (counted !== wanted)
        throw new HbnnError(`${lanes.name}: the text counts ${counted} where ${wanted} are right`);
      at += width;
      before = chosen;
    }
  }
}

/** What one kind of lanes takes. */
interface BalancedRow {
  readonly lanes: string;
  readonly inputs: number;
  readonly luts: number;
  readonly sites: number;
  readonly flipFlops: number;
  readonly depth: number;
  /** Signs and choices that are stored, in bits a weight. */
  readonly storedBits: number;
  readonly lutsToTwoBits: number;
  readonly storedToTwoBits: number;
}

const target = synthesisTarget('xc7', (file) => cellFile(readFileSync(file, 'utf8'), file));
const counted: Omit<BalancedRow, 'lutsToTwoBits' | 'storedToTwoBits'>[] = [];
for (const lanes of cases) {
  await check(lanes);
  const files = { 'element.v': elementText(lanes), 'counting.v': countingText(lanes) };
  const { luts, sites, flipFlops, depth } = await synthesize(files, 'element', target, {
    workers: 1,
  });
  const storedBits = lanesOf(lanes).wordBits / inputs;
  counted.push({
    lanes: lanes.name,
    inputs,
    luts,
    sites: sites ?? luts,
    flipFlops,
    depth,
    storedBits,
  });
}
const twoBits = counted[1];
const rows: BalancedRow[] = counted.map((row) => ({
  ...row,
  lutsToTwoBits: row.sites / twoBits.sites,
  storedToTwoBits: row.storedBits / twoBits.storedBits,
}));
if (values.json) console.log(JSON.stringify(rows));
else {
  const { commit, machine, node } = provenance('none', 'pnpm bench:balanced');
  console.log(`Commit ${commit}; ${machine}; Node ${node}; ${inputs} inputs a cycle\n`);
  console.log(
    '| weights | LUT6s | to 2 bits | flip-flops | levels | stored bits a weight | to 2 bits |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const row of rows)
    console.log(
      `| ${[row.lanes, row.sites, row.lutsToTwoBits.toFixed(2), row.flipFlops, row.depth, row.storedBits.toFixed(2), row.storedToTwoBits.toFixed(2)].join(' | ')} |`,
    );
}
if (values.save) saveRows('hardware', 'balanced', 'none', rows);
