import type { AdderStyle } from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import { type Compiled, compile } from '../simulate/compile.ts';
import { bitOf } from '../simulate/simulate.ts';
import { lanes, wordsPerSlot } from '../simulate/wasmCode.ts';
import { readCommand, type YosysNetlist, yosys } from '../yosys/yosys.ts';

/** Combinational Verilog from anywhere, made one module that `synthesize` takes, and computed. */
export interface Circuit {
  /** The module as text, under a top module that has an instance of it. */
  readonly files: Readonly<Record<string, string>>;
  readonly top: string;
  readonly module: string;
  readonly inputBits: number;
  readonly outputBits: number;
  /**
   * Compute output bits, [count, outputBits], from input bits of 0 and 1, [count, inputBits]; least significant first,
   * ports one after the other as the module names them.
   */
  compute(inputs: Uint8Array): Uint8Array;
}

/** The carries of additions as a ripple: fewest gates, where Yosys's own map takes a tree of them. */
const rippleMap = `(* techmap_celltype = "$lcu" *)
module _80_ripple_lcu (P, G, CI, CO);
  parameter WIDTH = 1;
  input [WIDTH-1:0] P, G;
  input CI;
  output [WIDTH-1:0] CO;
  wire [WIDTH:0] carry;
  assign carry[0] = CI;
  genvar i;
  generate for (i = 0; i < WIDTH; i = i + 1) begin : place
    assign carry[i + 1] = G[i] | (P[i] & carry[i]);
  end endgenerate
  assign CO = carry[WIDTH:1];
endmodule
`;

const additions: Readonly<Record<AdderStyle, string>> = {
  xc7: 'techmap -map +/techmap.v -D LUT_SIZE=6 -map +/xilinx/arith_map.v',
  gates: 'techmap -map +/techmap.v -map ripple.v',
};

/**
 * Read a combinational module, whoever wrote it: its parts dissolve into it, and its additions become carry chains
 * (`xc7`) or ripples of gates (`gates`), in the order of Yosys's own scripts.
 *
 * @param files Verilog, the module's and its parts'
 * @throws HbnnError when the text cannot be read, has registers, or an evaluation gets other than whole vectors
 */
export async function readCircuit(
  files: Readonly<Record<string, string>>,
  module: string,
  style: AdderStyle,
): Promise<Circuit> {
  const script = [
    readCommand(Object.keys(files)),
    `hierarchy -check -top ${module}`,
    'proc',
    'flatten -noscopeinfo',
    'opt',
    'wreduce',
    'peepopt',
    'opt_clean',
    'alumacc',
    // Places of an addition where one side is 0 have no place in its chain.
    'opt -full',
    additions[style],
    'opt_clean',
    'setattr -unset src */*',
    'write_json netlist.json',
    'write_verilog -noattr circuit.v',
  ];
  const { files: built } = await yosys(`${script.join('\n')}\n`, {
    ...files,
    'ripple.v': rippleMap,
  });
  const netlist = JSON.parse(built['netlist.json']) as YosysNetlist;
  const [inputs, outputs] = (['input', 'output'] as const).map((direction) =>
    portsOf(netlist, module, direction),
  );
  const compiled = await compile(netlist, module);
  if (compiled.registers > 0)
    throw new HbnnError(
      `${module}: expected a circuit without a clock, got ${compiled.registers} registers; take the registers out`,
    );
  const [from, to] = [inputs, outputs].map((ports) =>
    ports.flatMap(([name]) => compiled.slots(name) ?? []),
  );
  return {
    files: withTop(built['circuit.v'], module, inputs, outputs),
    top: topName,
    module,
    inputBits: from.length,
    outputBits: to.length,
    compute: (bits) => computed(module, compiled, from, to, bits),
  };
}

const topName = 'circuit_top';

type Port = readonly [name: string, width: number];

const portsOf = ({ modules }: YosysNetlist, module: string, direction: string): Port[] =>
  Object.entries(modules[module].ports)
    .filter(([, port]) => port.direction === direction)
    .map(([name, { bits }]) => [name, bits.length]);

function withTop(
  text: string,
  module: string,
  inputs: readonly Port[],
  outputs: readonly Port[],
): Record<string, string> {
  const wires = (kind: string, ports: readonly Port[]): string[] =>
    ports.map(([name, width]) => `${kind} wire [${width - 1}:0] ${name}`);
  const pins = [...inputs, ...outputs].map(([name]) => `.${name}(${name})`);
  const top = `module ${topName} (${[...wires('input', inputs), ...wires('output', outputs)].join(', ')});
  ${module} circuit (${pins.join(', ')});
endmodule
`;
  // In one file: a header of another is read by its ports, which Yosys writes apart from it.
  return { 'circuit.v': `${text}\n${top}` };
}

function computed(
  module: string,
  compiled: Compiled,
  from: readonly number[],
  to: readonly number[],
  inputs: Uint8Array,
): Uint8Array {
  const count = inputs.length / from.length;
  if (!Number.isInteger(count))
    throw new HbnnError(
      `${module}: expected vectors of ${from.length} input bits each, got ${inputs.length} bits; pass whole vectors`,
    );
  const { memory } = compiled;
  const outputs = new Uint8Array(count * to.length);
  for (let first = 0; first < count; first += lanes) {
    const used = Math.min(lanes, count - first);
    from.forEach((slot, i) => {
      memory.fill(0, wordsPerSlot * slot, wordsPerSlot * (slot + 1));
      for (let lane = 0; lane < used; lane++)
        if (inputs[(first + lane) * from.length + i] === 1)
          memory[wordsPerSlot * slot + (lane >> 5)] |= 1 << (lane & 31);
    });
    compiled.evaluate();
    to.forEach((slot, j) => {
      for (let lane = 0; lane < used; lane++)
        outputs[(first + lane) * to.length + j] = bitOf(compiled, slot, lane);
    });
  }
  return outputs;
}
