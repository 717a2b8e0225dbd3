import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HbnnError, type Random } from '@hbnn/core';
import type { Circuit } from '@hbnn/verilog';

/** How alkaid packs inputs of one bit: into tables, its default; not at all; or as is smallest by its own count. */
type PeerPacking = 'tables' | 'sums' | 'searched';

/** A circuit that alkaid makes of a matrix. */
export interface PeerCircuit {
  readonly packing: PeerPacking;
  /** Whether it then makes one adder of three numbers of two, its default. */
  readonly adders: 'ternary' | 'binary';
  /** The options that its solver got; those left out are its defaults. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly files: Readonly<Record<string, string>>;
  readonly module: string;
  /** The bits of each output, two's complement where signed, and the power of two that they count. */
  readonly outputs: readonly PeerOutput[];
}

interface PeerOutput {
  readonly signed: boolean;
  readonly width: number;
  readonly shift: number;
}

/** What alkaid makes of a matrix, in each of its ways. */
export interface PeerCircuits {
  readonly version: string;
  readonly circuits: readonly PeerCircuit[];
}

/** Whole weights, [outputs, inputs], and the bits of every input, an unsigned number. */
export interface PeerCase {
  readonly weights: Int16Array;
  readonly outputs: number;
  readonly inputs: number;
  readonly inputBits: number;
}

const script = fileURLToPath(new URL('../../../peers/alkaid_circuit.py', import.meta.url));
const maxBytes = 2 ** 28;

/** Why alkaid cannot be run by a Python, undefined when it can. */
export function lackOfAlkaid(python: string): string | undefined {
  const { error, status, stderr } = spawnSync(python, ['-c', 'import alkaid'], {
    encoding: 'utf8',
  });
  if (error !== undefined) return `${python} could not be started (${error.message})`;
  return status === 0 ? undefined : (stderr.trim().split('\n').at(-1) ?? `exit code ${status}`);
}

/** Have alkaid write Verilog for y = x · weights, in each of its ways. @throws HbnnError when it fails */
export function alkaidCircuits(
  python: string,
  { weights, outputs, inputs, inputBits }: PeerCase,
): PeerCircuits {
  const matrix = Array.from({ length: inputs }, (_, i) =>
    Array.from({ length: outputs }, (_, o) => weights[o * inputs + i]),
  );
  const input = JSON.stringify({ matrix, bits: inputBits });
  const { status, stdout, stderr } = spawnSync(python, [script], {
    input,
    encoding: 'utf8',
    maxBuffer: maxBytes,
  });
  if (status !== 0)
    throw new HbnnError(
      `alkaid: expected Verilog, got '${stderr.trim()}'; install the version that the command's head names`,
    );
  return JSON.parse(stdout) as PeerCircuits;
}

/** Vectors each circuit is tried with: all 0, all 1, each input alone, and random ones. */
const randomVectors = 1024;

/**
 * Compare a circuit of alkaid's with the sums it should make, exactly.
 *
 * @returns how many vectors agree
 * @throws HbnnError at the first output that differs
 */
export function checkPeer(
  circuit: Circuit,
  peer: Pick<PeerCircuit, 'outputs'>,
  peerCase: PeerCase,
  rng: Random,
): number {
  const { inputs, inputBits } = peerCase;
  const max = 2 ** inputBits - 1;
  const alone = Array.from({ length: inputs }, (_, i) =>
    Uint8Array.from({ length: inputs }, (_, j) => (i === j ? max : 0)),
  );
  const vectors = [
    new Uint8Array(inputs),
    new Uint8Array(inputs).fill(max),
    ...alone,
    ...Array.from({ length: randomVectors }, () =>
      Uint8Array.from({ length: inputs }, () => rng.below(max + 1)),
    ),
  ];
  const bits = vectors.flatMap((vector) =>
    [...vector].flatMap((x) => Array.from({ length: inputBits }, (_, j) => (x >> j) & 1)),
  );
  const got = circuit.compute(Uint8Array.from(bits));
  vectors.forEach((vector, v) => {
    compareVector(got.subarray(v * circuit.outputBits), peer, peerCase, vector);
  });
  return vectors.length;
}

function compareVector(
  bits: Uint8Array,
  peer: Pick<PeerCircuit, 'outputs'>,
  { weights, inputs }: PeerCase,
  vector: Uint8Array,
): void {
  let at = 0;
  peer.outputs.forEach(({ signed, width, shift }, o) => {
    let value = 0;
    for (let j = 0; j < width; j++)
      value += bits[at + j] * 2 ** j * (signed && j === width - 1 ? -1 : 1);
    at += width;
    let wanted = 0;
    for (let i = 0; i < inputs; i++) wanted += weights[o * inputs + i] * vector[i];
    const got = value * 2 ** shift;
    if (got !== wanted)
      throw new HbnnError(
        `alkaid: output ${o}: expected ${wanted} of inputs ${vector.join(' ')}, got ${got}`,
      );
  });
}
