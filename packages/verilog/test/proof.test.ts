import { unrolledDesign } from '@hbnn/circuit';
import { distFromAverage, random } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { prove, verify, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

const styles = ['gates', 'xc7'] as const;
/** `pnpm --filter @hbnn/verilog proofs` */
const all = process.env.HBNN_PROOFS === 'all';

describe.each(all ? styles : (['xc7'] as const))('a proof of style %s', (style) => {
  it.each([36])('holds for the whole network of seed %i', async (seed) => {
    const model = randomModel(seed);
    const design = unrolledDesign(model, { style });
    const proof = await prove(model, design, verilogFiles(design));
    expect(proof.disproof).toBeUndefined();
    expect(proof.proved).toBe(true);
    expect(proof.layers.map(({ layer }) => layer)).toEqual(model.layers.map(({ name }) => name));
    if (style === 'xc7') expect(proof.primitives).toBeGreaterThan(0);
  });

  // Each layer takes ten seconds or more; `pnpm --filter @hbnn/verilog proofs` has them all.
  const more = [
    ['dense:48x6', 'element', 1.4, 1],
    ['conv:4x4x2,k3x3,o3,s1,p1', 'position', 1.4, 1],
    ['dense:33x12', 'position', 1.4, 1.4],
    ['dense:40x5', 'element', 2.5, 2],
    ['dense:72x8', 'element', 1.4, 1],
    ['depthwise:4x4x2,k3x3,o4,s2,p1', 'output', 2, 1.4],
    ['conv:3x3x2,k3x3,o1,s1,p1', 'position', 1.4, 1],
  ] as const;
  it.each([...(all ? more : []), ['dense:30x4', 'element', 1.4, 1]] as const)(
    'shows sums of %s by their adders',
    async (layer, mapPer, average, inputs) => {
      const mix = distFromAverage(average);
      const model = randomModel(5, { layer, mapPer, mix, inputMix: distFromAverage(inputs) });
      const design = unrolledDesign(model, { style });
      const proof = await prove(model, design, verilogFiles(design));
      const [thresholds, sums] = proof.layers;
      expect([thresholds.method, sums.method]).toEqual(['exhaustive', 'adders']);
      expect(sums.proved).toBe(sums.outputs);
    },
  );

  it('never holds for text that is not the model’s', async () => {
    const model = randomModel(9, { layer: 'dense:10x2', mix: distFromAverage(1.4) });
    const design = unrolledDesign(model, { style });
    const files = verilogFiles(design);
    const rng = random('mutants', style);
    const mutants = all ? 10 : 3;
    let wrong = 0;
    for (let i = 0; i < mutants; i++) {
      const name = rng.below(4) === 0 ? 'm_input.v' : 'layer.v';
      const broken = mutant(files[name], rng.below);
      const given = { ...files, [name]: broken };
      const proof = await prove(model, design, given).catch((error) => String(error));
      const checked = await verify(model, design, given, { images: 128, rounds: 40 });
      const what = `mutant ${i} of ${name}, style ${style}`;
      if (checked.equal) continue;
      wrong++;
      expect(proof, what).toMatchObject({
        proved: false,
        disproof: { layer: name.replace(/^m_|\.v/g, '') },
      });
    }
    expect(wrong).toBeGreaterThan(mutants / 2);
  });
});

/** Text with one operator, inversion or operand changed. */
function mutant(text: string, below: (n: number) => number): string {
  const lines = text.split('\n');
  const able = lines.flatMap((line, i) => (/wire n\d+ = |\.x\(\{/.test(line) ? [i] : []));
  const at = able[below(able.length)];
  const [, head, tail] = /^(.*?(?: = |\.x\(\{))(.*)$/.exec(lines[at]) ?? ['', '', ''];
  const changes: ((part: string) => string)[] = [
    (part) => part.replace(/ \^ /, ' & '),
    (part) => part.replace(/ & /, ' | '),
    (part) => part.replace(/x\[\d+\]/, 'x[0]'),
  ];
  const changed = changes[below(changes.length)](tail);
  const other = tail.startsWith('~') ? tail.slice(1) : tail.replace(/[xnc]\d*/, '~$&');
  lines[at] = head + (changed === tail ? other.replace('~~', '') : changed);
  return lines.join('\n');
}

it('takes edited text that says the same', async () => {
  const model = randomModel(3, { layer: 'dense:30x4', mix: distFromAverage(1.4) });
  const design = unrolledDesign(model);
  const files = verilogFiles(design);
  const text = files['layer.v']
    .replace(/= (n\d+) \^ (n\d+);/, '= ($1 | $2) & ~($1 & $2);')
    .replace(/= \((\S+) \^ (\S+)\) \? (\S+) : \S+;/, '= ($1 & $2) | ($3 & ($1 | $2));');
  expect(text).not.toBe(files['layer.v']);
  const proof = await prove(model, design, { ...files, 'layer.v': text });
  expect(proof).toMatchObject({ proved: true });
});

it('refuses primitives that do not add', async () => {
  const model = randomModel(3, { layer: 'dense:30x4' });
  const design = unrolledDesign(model, { style: 'xc7' });
  const files = verilogFiles(design);
  const broken = files['hbnn_xc7.v'].replace("(t == 3'd2)", "(t == 3'd1)");
  expect(broken).not.toBe(files['hbnn_xc7.v']);
  await expect(prove(model, design, { ...files, 'hbnn_xc7.v': broken })).rejects.toThrow(
    /hbnn_xc7\.v: expected counters and adders, got one among hbnn_/,
  );
});

it('simulates what it has no time for, and says so', async () => {
  const model = randomModel(3, { layer: 'dense:30x4' });
  const design = unrolledDesign(model);
  const proof = await prove(model, design, verilogFiles(design), { secondsPerLayer: 0 });
  expect(proof.proved).toBe(false);
  expect(proof.layers[1]).toMatchObject({
    method: 'simulated',
    proved: 0,
    reason: 'out of time',
    vectors: 2048,
  });
});

it('proves nothing of a layer whose registers have another clock, and says so', async () => {
  const model = randomModel(3, { layer: 'dense:10x2' });
  const design = unrolledDesign(model);
  const files = verilogFiles(design);
  const held = 'reg held; always @(posedge x[0]) held <= x[1];';
  const text = files['layer.v'].replace('  assign y = {', `  ${held}\n  assign y = {8{held}} ^ {`);
  expect(text).toContain(held);
  const proof = await prove(model, design, { ...files, 'layer.v': text });
  expect(proof.proved).toBe(false);
  expect(proof.layers[1]).toMatchObject({ method: 'simulated', proved: 0, vectors: 0 });
  expect(proof.layers[1].reason).toBe("'held' does not take the rising edge of the clock");
});
