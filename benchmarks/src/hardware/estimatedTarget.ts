import type { Fabric } from '@hbnn/circuit';
import { readCellFile, readLibertyFile } from '@hbnn/cli/readers';
import { chosenName, HbnnError } from '@hbnn/core';
import { cellOfRole, type LibertyLibrary } from '@hbnn/estimator';
import { synthesisTarget, type Target } from '@hbnn/verilog';

const fabricOf = { xc7: 'lut6', ice40: 'lut4' } as const satisfies Record<string, Fabric>;

/** What is synthesized for, and the circuit that the estimator has for it. */
export interface EstimatedTarget {
  readonly name: string;
  readonly circuit: Fabric;
  /** Area of a gate equivalent; 1 for look-up tables. */
  readonly gate: number;
  /** Gate equivalents of a cell that adds three bits; 0 where there is none. */
  readonly adderGates: number;
  readonly tools: Target;
}

/** Area of a gate equivalent of a library. @throws HbnnError where it has no NAND of two inputs */
export function gateArea(libraries: readonly LibertyLibrary[], option: string, given: string) {
  const nand = cellOfRole(libraries, 'nand2');
  if (nand !== undefined) return nand.areaUm2;
  throw new HbnnError(
    `${option}: expected a library with a NAND of two inputs, got none in ${given}; give another library`,
  );
}

/**
 * Read a target: `xc7`, `ice40` or `liberty:FILE+FILE`.
 *
 * @param option what errors call the place
 * @throws HbnnError for another name, and for a file that is no library
 */
export function estimatedTarget(text: string, option: string): EstimatedTarget {
  const read = (file: string) => readCellFile(option, file);
  if (!text.startsWith('liberty:')) {
    const known = chosenName(text, ['xc7', 'ice40', 'liberty:FILE+FILE'], option);
    const circuit = known === 'xc7' ? fabricOf.xc7 : fabricOf.ice40;
    return { name: text, circuit, gate: 1, adderGates: 0, tools: synthesisTarget(text, read) };
  }
  const files = text.slice('liberty:'.length).split('+');
  const libraries = files.map((file) => readLibertyFile(option, file));
  const gate = gateArea(libraries, option, text);
  const adder = cellOfRole(libraries, 'fullAdder')?.areaUm2;
  const name = text.replaceAll('+', ',');
  return {
    name,
    circuit: adder === undefined ? 'gates' : 'adders',
    gate,
    adderGates: (adder ?? 0) / gate,
    tools: synthesisTarget(name, read),
  };
}
