import { HbnnError } from '@hbnn/core';
import { primitivesFile, xc7Models } from '../emit/primitives.ts';
import type { YosysPool } from '../yosys/yosysPool.ts';
import type { Counter } from './adders.ts';
import { isCount7 } from './netlist.ts';

/** A primitive with its parameters, by its text. */
export interface PrimitiveUse {
  readonly type: string;
  readonly columns: number;
  readonly outputs: number;
  readonly invert: string;
}

export interface PrimitiveProof {
  /** Different ones, each proved for all of its inputs. */
  readonly proved: number;
  readonly seconds: number;
}

/** What a counter is an instance of. */
export function useOf({ cell, inputs, outputs }: Counter): PrimitiveUse {
  const { type } = cell;
  const columns = isCount7(type) ? 0 : (inputs.length - 2) / 3;
  const invert = (cell.parameters?.INVERT ?? '').slice(-inputs.length).padStart(inputs.length, '0');
  return { type, columns, outputs: outputs.length, invert };
}

const atOnce = 24;

/**
 * Prove primitives as they stand on disk against plain additions with Yosys's `sat`, each with the parameters it is used
 * with, over the data sheets' LUT6_2 and CARRY4.
 *
 * @param text the file of primitives
 * @throws HbnnError for one that does not add
 */
export async function provePrimitives(
  pool: YosysPool,
  text: string,
  uses: readonly PrimitiveUse[],
  maxSeconds?: number,
): Promise<PrimitiveProof> {
  const start = performance.now();
  const distinct = [...new Map(uses.map((use) => [JSON.stringify(use), use])).values()];
  const batches = Array.from({ length: Math.ceil(distinct.length / atOnce) }, (_, i) =>
    distinct.slice(atOnce * i, atOnce * (i + 1)),
  );
  await Promise.all(
    batches.map(async (batch) => {
      const statements = batch.map(statement).join('');
      const proofs = batch.map((_, i) => `sat -verify -prove same 1 proof_${i}\n`).join('');
      const roots = batch.map((_, i) => `hierarchy -check -top proof_${i}\n`);
      // One top at a time would take the others away.
      const script = `read_verilog primitives.v models.v proof.v\n${roots.length > 1 ? 'hierarchy -check -top all\n' : roots[0]}proc\nflatten proof_*\nopt\ntechmap\nopt\n${proofs}`;
      const all = batch.map(
        (use, i) =>
          `wire same_${i};\nproof_${i} p${i} (.x(x[${widthOf(use) - 1}:0]), .same(same_${i}));\n`,
      );
      const max = Math.max(...batch.map(widthOf));
      const top = `module all (input wire [${max - 1}:0] x);\n${all.join('')}endmodule\n`;
      const files = { 'primitives.v': text, 'models.v': xc7Models, 'proof.v': statements + top };
      try {
        await pool.run({ name: primitivesFile, script, files, maxSeconds });
      } catch (error) {
        if (error instanceof HbnnError && /proof did fail|Called with -verify/.test(error.message))
          throw new HbnnError(
            `${primitivesFile}: expected counters and adders, got one among ${batch.map(({ type, invert }) => `${type} with INVERT ${invert}`).join(', ')} that does not add up; write the folder again`,
          );
        throw error;
      }
    }),
  );
  return { proved: distinct.length, seconds: (performance.now() - start) / 1000 };
}

const widthOf = ({ invert }: PrimitiveUse): number => invert.length;

/** A primitive beside the sum of its inputs, with `+`. */
function statement({ type, columns, outputs, invert }: PrimitiveUse, i: number): string {
  const width = invert.length;
  // A counter has inversions in its LUTs alone, at x[4:0]; an adder in its rows.
  const flipped = (at: number): boolean => invert[width - 1 - at] === '1';
  const sum = Math.max(outputs, columns + 2, 3);
  const bit = (at: number): string => `${flipped(at) ? '~' : ''}x[${at}]`;
  const terms = Array.from({ length: width }, (_, at) => {
    const column = isCount7(type) || at >= 3 * columns ? 0 : Math.floor(at / 3);
    const zeros = column === 0 ? '' : `, ${column}'b0`;
    return `{${sum - column - 1 > 0 ? `${sum - column - 1}'b0, ` : ''}${bit(at)}${zeros}}`;
  });
  const [parameters, port] = isCount7(type)
    ? ['', 'count']
    : [`.COLUMNS(${columns}), .OUTPUTS(${outputs}), `, 'sum'];
  return `module proof_${i} (input wire [${width - 1}:0] x, output wire same);
wire [${outputs - 1}:0] got;
${type} #(${parameters}.INVERT(${width}'b${invert})) dut (.x(x), .${port}(got));
wire [${sum - 1}:0] wanted = ${terms.join(' + ')};
assign same = got == wanted[${outputs - 1}:0];
endmodule
`;
}
