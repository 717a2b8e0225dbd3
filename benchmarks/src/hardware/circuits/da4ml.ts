import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HbnnError, type Random } from '@hbnn/core';
import type { Circuit } from '@hbnn/verilog';

/** What da4ml makes of a matrix. */
export interface PeerVerilog {
  readonly version: string;
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

/** Whole weights, [outputs, inputs], and the bits of every input, an unsigned number. */
export interface PeerCase {
  readonly weights: Int16Array;
  readonly outputs: number;
  readonly inputs: number;
  readonly inputBits: number;
}

const script = fileURLToPath(new URL('../../../peers/da4ml_circuit.py', import.meta.url));
const maxBytes = 2 ** 28;

/** Why da4ml cannot be run by a Python, undefined when it can. */
export function lackOfDa4ml(python: string): string | undefined {
  const { error, status, stderr } = spawnSync(python, ['-c', 'import da4ml'], { encoding: 'utf8' });
  if (error !== undefined) return `${python} could not be started (${error.message})`;
  return status === 0 ? undefined : (stderr.trim().split('\n').at(-1) ?? `exit code ${status}`);
}

/** Have da4ml write Verilog for y = x · weights. @throws HbnnError when it fails */
export function da4mlVerilog(
  python: string,
  { weights, outputs, inputs, inputBits }: PeerCase,
): PeerVerilog {
  const matrix = Array.from({ length: inputs }, (_, i) =>
    Array.from({ length: outputs }, (_, o) => weights[o * inputs + i]),
  );
  const input = JSON.stringify({ matrix, bits: inputBits });
  const { status, stdout, stderr } = spawnSync(python, [script], {
    input,
    encoding: 'utf8',
    maxBuffer: maxBytes,
  });
  if (status !== 0) throw new HbnnError(`da4ml: expected Verilog, got '${stderr.trim()}'`);
  return JSON.parse(stdout) as PeerVerilog;
}

/** Vectors each circuit is tried with: all 0, all 1, each input alone, and random ones. */
const randomVectors = 1024;

/**
 * Compare a circuit of da4ml's with the sums it should make, exactly.
 *
 * @returns how many vectors agree
 * @throws HbnnError at the first output that differs
 */
export function checkPeer(
  circuit: Circuit,
  peer: PeerVerilog,
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
  peer: PeerVerilog,
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
        `da4ml ${peer.version}: output ${o}: expected ${wanted} of inputs ${vector.join(' ')}, got ${got}`,
      );
  });
}
