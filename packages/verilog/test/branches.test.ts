import { unrolledDesign } from '@hbnn/circuit';
import { type CheckedModel, checkModel, type IntegerLayer } from '@hbnn/model';
import { prove, verify, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

/** Two branches of equal width: one threshold layer, and two sums of it, which meet in a sum and a concatenation. */
function branchedModel(): CheckedModel {
  const weights = (signs: number[]): Extract<IntegerLayer, { kind: 'dense' }>['weights'] => ({
    kind: 'planes',
    shape: [2, 1, 1, 2],
    bits: new Uint8Array(4).fill(1),
    signs: Uint8Array.from(signs),
    multiples: [Uint8Array.of(1)],
    scalePer: 'tensor',
    mapPer: 'element',
  });
  const conv = (name: string, signs: number[], from?: string): IntegerLayer => ({
    kind: 'conv',
    name,
    ...(from !== undefined && { from }),
    strides: [1, 1],
    padding: [0, 0, 0, 0],
    weights: weights(signs),
  });
  const layers: IntegerLayer[] = [
    {
      kind: 'threshold',
      name: 'bits',
      bits: Uint8Array.of(1, 1),
      multiples: Uint8Array.of(1),
      thresholds: Int32Array.of(100, 50),
      flips: Uint8Array.of(0, 1),
    },
    conv('a', [1, 0, 1, 1]),
    conv('deep', [0, 1, 1, 1]),
    conv('b', [1, 1, 0, 1], 'bits'),
    {
      kind: 'add',
      name: 'sum',
      inputs: ['deep', 'b'],
      multipliers: [Int16Array.of(3, -1), Int16Array.of(1, 5)],
    },
    { kind: 'concat', name: 'both', inputs: ['a', 'b', 'sum'] },
  ];
  return checkModel({
    name: 'branched',
    input: { shape: [1, 1, 2], zeros: Int32Array.of(0, 3) },
    layers,
    scoreFactor: 1,
    scoreOffsets: Int32Array.of(1, 2, 3, 4, 5, 6),
    classes: ['a', 'b', 'c', 'd', 'e', 'f'],
  });
}

const model = branchedModel();
/** `pnpm --filter @hbnn/verilog proofs` */
const all = process.env.HBNN_PROOFS === 'all';
const ways = [
  { style: 'gates' },
  { style: 'xc7', maxLevels: 3 },
  ...(all ? ([{ style: 'xc7' }, { style: 'gates', maxLevels: 2 }] as const) : []),
] as const;

describe.each(ways)('branches in unrolled hardware, %o', (way) => {
  const design = unrolledDesign(model, way);
  const files = verilogFiles(design);
  const top = `${design.top}.v`;

  it('are verified and proved, their wires and their delays too', async () => {
    expect(await verify(model, design, files)).toMatchObject({ equal: true });
    const proof = await prove(model, design, files);
    expect(proof).toMatchObject({ proved: true, wires: { proved: true } });
    expect(proof.wires?.latencyCycles).toBe(design.latencyCycles);
  });

  it('are told apart where they are swapped', async () => {
    const wires = /\.x\(\{(b_y\w*), (deep_y\w*)\}\)/;
    expect(files[top]).toMatch(wires);
    const swapped = { ...files, [top]: files[top].replace(wires, '.x({$2, $1})') };
    expect((await verify(model, design, swapped)).equal).toBe(false);
    const proof = await prove(model, design, swapped);
    expect(proof.proved).toBe(false);
    expect(proof.wires?.reason).toMatch(/of port x of sum|registers/);
  });

  it('wait for each other where there are registers', async () => {
    const waits = design.layers.flatMap(({ sources }) =>
      sources.map(({ delayCycles }) => delayCycles),
    );
    if (!('maxLevels' in way)) {
      expect(waits.every((cycles) => cycles === 0)).toBe(true);
      return;
    }
    expect(Math.max(...waits)).toBeGreaterThan(0);
    const late = /\b(\w+_y)_\d+(?=[,})])/;
    const early = { ...files, [top]: files[top].replace(late, '$1') };
    expect(early[top]).not.toBe(files[top]);
    expect((await verify(model, design, early)).equal).toBe(false);
    const proof = await prove(model, design, early);
    expect(proof.wires).toMatchObject({ proved: false });
    expect(proof.wires?.reason).toMatch(/registers/);
  });
});
