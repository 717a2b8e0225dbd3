/** A gate of Yosys's internal library: what it computes of its ports A, B and S, and how Verilog says so. */
export interface YosysGate {
  readonly type: string;
  readonly ports: readonly string[];
  readonly verilog: (a: string, b: string, s: string) => string;
}

/** All gates that Yosys may leave in a netlist; `computed` knows them by their place in this list. */
export const yosysGates = [
  { type: '$_NOT_', ports: ['A'], verilog: (a) => `~${a}` },
  { type: '$_BUF_', ports: ['A'], verilog: (a) => a },
  { type: '$_AND_', ports: ['A', 'B'], verilog: (a, b) => `${a} & ${b}` },
  { type: '$_NAND_', ports: ['A', 'B'], verilog: (a, b) => `~(${a} & ${b})` },
  { type: '$_OR_', ports: ['A', 'B'], verilog: (a, b) => `${a} | ${b}` },
  { type: '$_NOR_', ports: ['A', 'B'], verilog: (a, b) => `~(${a} | ${b})` },
  { type: '$_XOR_', ports: ['A', 'B'], verilog: (a, b) => `${a} ^ ${b}` },
  { type: '$_XNOR_', ports: ['A', 'B'], verilog: (a, b) => `~(${a} ^ ${b})` },
  { type: '$_ANDNOT_', ports: ['A', 'B'], verilog: (a, b) => `${a} & ~${b}` },
  { type: '$_ORNOT_', ports: ['A', 'B'], verilog: (a, b) => `${a} | ~${b}` },
  { type: '$_MUX_', ports: ['A', 'B', 'S'], verilog: (a, b, s) => `${s} ? ${b} : ${a}` },
] as const satisfies readonly YosysGate[];

const numbers: ReadonlyMap<string, number> = new Map(yosysGates.map(({ type }, i) => [type, i]));

/** The number of a gate in `yosysGates`; undefined for a cell that is none. */
export const gateNumber = (type: string): number | undefined => numbers.get(type);

/** The gate of a type; undefined for a cell that is none. */
export const gateOf = (type: string): YosysGate | undefined =>
  yosysGates[numbers.get(type) ?? yosysGates.length];

/** What a gate makes of 32 values of each port, one per bit. The numbers are those of `yosysGates`. */
export function computed(gate: number, a: number, b: number, s: number): number {
  switch (gate) {
    case 0:
      return ~a;
    case 1:
      return a;
    case 2:
      return a & b;
    case 3:
      return ~(a & b);
    case 4:
      return a | b;
    case 5:
      return ~(a | b);
    case 6:
      return a ^ b;
    case 7:
      return ~(a ^ b);
    case 8:
      return a & ~b;
    case 9:
      return a | ~b;
    default:
      return (a & ~s) | (b & s);
  }
}

/** Truth tables of three variables: bit r is the value where variable i is bit i of r. */
export const variableTables = [0b10101010, 0b11001100, 0b11110000] as const;

/** A gate's truth table over its ports in order, eight rows of which those of absent ports repeat. */
export const truthTable = (gate: number): number => computed(gate, ...variableTables) & 0xff;

/** The register that designs are made of: on the rising edge, without reset or enable. */
export const registerType = '$_DFF_P_';

/** A memory with all of its ports. */
export const memoryType = '$mem_v2';

/** Cells of Xilinx that designs instantiate, known by their data sheets, and the ports they drive. */
export const vendorOutputs: Readonly<Record<string, readonly string[]>> = {
  LUT6_2: ['O5', 'O6'],
  CARRY4: ['CO', 'O'],
};

/** Whether a cell is one of Xilinx that designs instantiate: a box without anything within. */
export const isVendorCell = (type: string): boolean => vendorOutputs[type] !== undefined;

/** The script with which abc maps logic to gates, of a library's cells or simple ones. */
export const abcGateScript = 'strash; dc2; strash; &get -n; &dch -f; &nf; &put\n';
