import { primitivesOf } from '../emit/primitives.ts';
import type { YosysPool } from '../yosys/yosysPool.ts';
import { type PrimitiveUse, provePrimitives } from './primitives.ts';
import type { Proof } from './proof.ts';

/** Prove the primitives that a design uses, and say whether all of its parts are proved. */
export async function concluded(
  parts: Omit<Proof, 'proved' | 'primitives' | 'primitiveSeconds'>,
  pool: YosysPool,
  files: Readonly<Record<string, string>>,
  uses: readonly PrimitiveUse[],
): Promise<Proof> {
  const { layers, scores, largest, wires, disproof } = parts;
  const text = primitivesOf(files);
  const { proved: primitives, seconds: primitiveSeconds } =
    uses.length === 0 || text === undefined
      ? { proved: 0, seconds: 0 }
      : await provePrimitives(pool, text, uses);
  const all = [...layers, scores, largest].every(
    (part) => part !== undefined && part.outputs === part.proved,
  );
  const proved = all && disproof === undefined && wires?.proved === true;
  return { proved, ...parts, primitives, primitiveSeconds };
}
