import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FoldedDesign, foldedDesign } from '@hbnn/circuit';
import { parseMix, random } from '@hbnn/core';
import { type CheckedModel, checkModel, interpreter, randomModel } from '@hbnn/model';
import { projectFiles, testbenchFiles, verilogFiles } from '@hbnn/verilog';
import { expect, it } from 'vitest';
import { compile } from '../src/simulate/compile.ts';
import { bitOf, gateNetlist } from '../src/simulate/simulate.ts';
import { wordsPerSlot } from '../src/simulate/wasmCode.ts';

const gcc = spawnSync('gcc', ['--version']).error === undefined;
if (!gcc) console.log('gcc is not installed: its test is skipped');

interface Word {
  readonly data: number;
  readonly last: boolean;
}

/** Words of an image of so many channels, by their definition: four channels a word, the first in the lowest bits. */
function wordsOf(image: Uint8Array, channels: number): Word[] {
  const words: Word[] = [];
  for (let at = 0; at < image.length; at += channels)
    for (let c = 0; c < channels; c += 4)
      words.push({
        data: [0, 1, 2, 3].reduce(
          (word, i) => word + (c + i < channels ? image[at + c + i] * 256 ** i : 0),
          0,
        ),
        last: at + channels === image.length && c + 4 >= channels,
      });
  return words;
}

/** What comes out of the bridge, with pauses at both ends, and how often `frame_error` was 1. */
async function carried(
  design: FoldedDesign,
  files: Readonly<Record<string, string>>,
  words: readonly Word[],
  count: number,
): Promise<{ readonly out: Word[]; readonly errors: number }> {
  const bridge = { ...design, top: `${design.top}_dma` };
  const compiled = await compile(await gateNetlist(bridge, files), bridge.top);
  const { memory } = compiled;
  const slots = (name: string): readonly number[] => compiled.slots(name) ?? [];
  const set = (name: string, bits: number): void =>
    slots(name).forEach((slot, i) => {
      const from = wordsPerSlot * slot;
      memory.fill((bits >>> i) & 1 ? -1 : 0, from, from + wordsPerSlot);
    });
  const get = (name: string): number =>
    slots(name).reduce((sum, slot, i) => sum + bitOf(compiled, slot, 0) * 2 ** i, 0);
  const rng = random(7, 'dma');
  const out: Word[] = [];
  let [sent, errors] = [0, 0];
  let waiting: Word | undefined;
  for (let cycle = 0; out.length < count && cycle < 100_000; cycle++) {
    const running = cycle >= 2;
    const offered = running && sent < words.length && (waiting !== undefined || rng.below(3) > 0);
    const ready = rng.below(3) > 0;
    set('aresetn', running ? 1 : 0);
    set('s_axis_tvalid', offered ? 1 : 0);
    set('s_axis_tdata', words[sent]?.data ?? 0);
    set('s_axis_tlast', words[sent]?.last ? 1 : 0);
    set('m_axis_tready', ready ? 1 : 0);
    compiled.evaluate();
    if (running && design.frame !== undefined) errors += get('frame_error');
    if (offered && get('s_axis_tready') === 1) sent++;
    const beat = { data: get('m_axis_tdata'), last: get('m_axis_tlast') === 1 };
    const valid = running && get('m_axis_tvalid') === 1;
    if (waiting !== undefined) expect(valid ? beat : undefined).toEqual(waiting);
    waiting = valid && !ready ? beat : undefined;
    if (valid && ready) out.push(beat);
    if (running) expect(get('m_axis_tkeep')).toBe(15);
    compiled.clock();
  }
  return { out, errors };
}

/** The words that an image must give. */
function wanted(model: CheckedModel, image: Uint8Array): Word[] {
  const scores = [...interpreter(model).run(image)];
  const largest = scores.indexOf(Math.max(...scores));
  return [
    ...scores.map((score) => ({ data: score >>> 0, last: false })),
    { data: largest, last: true },
  ];
}

const modelOf = (layer: string): CheckedModel =>
  randomModel(11, { layer, mix: parseMix('0.7/0.3'), mapPer: 'position' });

const cases = [
  ['a pixel of 3 channels', 'conv:4x4x3,k3x3,o4,s1,p1', { pe: 2, simd: 9 }],
  ['a pixel of 5 channels', 'conv:3x3x5,k3x3,o2,s1,p1', { pe: 2, simd: 9 }],
  ['a pixel of 4 channels', 'conv:3x3x4,k3x3,o3,s1', { pe: 3, simd: 9 }],
  ['an image of one beat', 'dense:48x5', { pe: 5, simd: 8 }],
] as const;

it.each(cases)('carries images and scores in words of 32 bits: %s', async (_, layer, fold) => {
  const model = modelOf(layer);
  const [height, width, channels] = model.input.shape;
  const rng = random(3, layer);
  const images = Array.from({ length: 4 }, () =>
    Uint8Array.from({ length: height * width * channels }, () => rng.below(256)),
  );
  const expected = images.flatMap((image) => wanted(model, image));
  for (const inputLast of [false, true]) {
    const design = foldedDesign(model, { folds: { layer: fold }, inputLast });
    const rtl = verilogFiles(design);
    const files = { ...rtl, ...projectFiles(design, rtl) };
    const words = images.flatMap((image) => wordsOf(image, channels));
    const { out, errors } = await carried(design, files, words, expected.length);
    expect(out).toEqual(expected);
    expect(errors).toBe(0);
  }
});

it('loses one image alone where a word is lost or one comes twice', async () => {
  const [, layer, fold] = cases[1];
  const model = modelOf(layer);
  const design = foldedDesign(model, { folds: { layer: fold }, inputLast: true });
  const rtl = verilogFiles(design);
  const rng = random(4, layer);
  const images = Array.from({ length: 6 }, () =>
    Uint8Array.from({ length: 45 }, () => rng.below(256)),
  );
  const words = images.map((image) => wordsOf(image, 5));
  words[1].splice(5, 1);
  words[3].splice(8, 0, words[3][8]);
  const each = model.scoreOffsets.length + 1;
  const files = { ...rtl, ...projectFiles(design, rtl) };
  const { out, errors } = await carried(design, files, words.flat(), each * images.length);
  expect(out.length).toBe(each * images.length);
  expect(errors).toBeGreaterThanOrEqual(2);
  for (const n of [0, 2, 4, 5])
    expect(out.slice(n * each, (n + 1) * each), `image ${n}`).toEqual(wanted(model, images[n]));
});

it('has a name that no layer takes', () => {
  const [, layer, fold] = cases[0];
  const { layers, ...rest } = modelOf(layer);
  const named = layers.map((one, i) => (i === 1 ? { ...one, name: 'net_dma' } : one));
  const model = checkModel({ ...rest, name: 'net', layers: named });
  const design = foldedDesign(model, { folds: { net_dma: fold } });
  const rtl = verilogFiles(design);
  expect(Object.keys(rtl)).not.toContain('net_dma.v');
  expect(Object.keys(projectFiles(design, rtl))).toContain('net_dma.v');
});

it.skipIf(!gcc)('has a header whose functions lay out an image and read its scores', () => {
  for (const [, layer, fold] of cases) {
    const model = modelOf(layer);
    const design = foldedDesign(model, { folds: { layer: fold } });
    const rtl = { ...verilogFiles(design), ...testbenchFiles(model, design, { images: 1 }) };
    const { top } = design;
    const [height, width, channels] = model.input.shape;
    const rng = random(5, layer);
    const image = Uint8Array.from({ length: height * width * channels }, () => rng.below(256));
    const back = wanted(model, image);
    const name = top;
    const folder = mkdtempSync(join(tmpdir(), 'hbnn-dma-'));
    try {
      writeFileSync(join(folder, 'bridge.h'), projectFiles(design, rtl)[`${top}_dma.h`]);
      writeFileSync(
        join(folder, 'main.c'),
        `#include "bridge.h"
#include <stdio.h>
static const uint8_t image[] = {${image.join(', ')}};
static const uint32_t back[] = {${back.map(({ data }) => `${data}u`).join(', ')}};
int main(void) {
  uint32_t words[${name}_WORDS_IN];
  int32_t scores[${name}_SCORES];
  ${top}_pack(image, words);
  for (int i = 0; i < ${name}_WORDS_IN; i++) printf("%u ", words[i]);
  printf("\\n%u ", ${top}_result(back, scores));
  for (int k = 0; k < ${name}_SCORES; k++) printf("%d ", scores[k]);
  return ${name}_WORDS_OUT == ${back.length} ? 0 : 1;
}
`,
      );
      const flags = ['-std=c99', '-Wall', '-Wextra', '-Werror', '-o', 'main', 'main.c'];
      const compiled = spawnSync('gcc', flags, { cwd: folder, encoding: 'utf8' });
      expect([compiled.status, compiled.stderr]).toEqual([0, '']);
      const { status, stdout } = spawnSync(join(folder, 'main'), { encoding: 'utf8' });
      const scores = interpreter(model).run(image);
      const words = wordsOf(image, channels).map(({ data }) => data);
      const largest = back[back.length - 1].data;
      expect(status).toBe(0);
      expect(stdout.trim().split(/\s+/).map(Number)).toEqual([...words, largest, ...scores]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
});
