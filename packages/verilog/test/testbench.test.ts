import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foldedDesign, unrolledDesign } from '@hbnn/circuit';
import { distFromAverage, parseMix } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { testbenchFiles, testbenchImages, verify, verilogFiles } from '@hbnn/verilog';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const model = randomModel(2, {
  layer: 'conv:4x5x4,k3x3,o6,s1,p1',
  mix: parseMix('0.7/0.2/0.1'),
  inputMix: distFromAverage(1.4),
});
const folded = foldedDesign(model, { folds: { layer: { pe: 3, simd: 6 } } });

const has = (command: string): boolean => spawnSync(command, ['-V']).error === undefined;

/** Each Verilator run compiles a program; `pnpm --filter @hbnn/verilog simulators` makes those of all designs. */
const everywhere = process.env.HBNN_SIMULATORS === 'all';

const simulators = [
  ...(has('iverilog') ? ['icarus'] : []),
  ...(has('verilator') && (everywhere || !has('iverilog')) ? ['verilator'] : []),
];

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'hbnn-testbench-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Write files, run their Makefile, and return its exit code and what it prints. */
function makeResult(files: Readonly<Record<string, string>>, target: string) {
  const folder = mkdtempSync(join(root, 'run-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const run = spawnSync('make', [target, 'VERILATOR_FLAGS=-O0 -CFLAGS -O0'], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status: run.status, text: run.stdout + run.stderr };
}

it('takes images that are given, and refuses a number or a seed beside them', () => {
  const pixels = Uint8Array.from({ length: 2 * 4 * 5 * 4 }, (_, i) => i % 251);
  const files = testbenchFiles(model, folded, { pixels });
  const beats = files['testbench_pixels.hex'].trim().split('\n');
  expect(beats).toHaveLength(2 * 4 * 5);
  // The first channel lies in the lowest bits.
  expect(beats.slice(0, 2)).toEqual(['03020100', '07060504']);
  expect(files['testbench.v']).toContain('PASS 2 images');
  for (const beside of [{ images: 2 }, { seed: 1 }])
    expect(() => testbenchFiles(model, folded, { pixels, ...beside })).toThrow(
      'pixels: expected no images and no seed beside them',
    );
});

it('takes 20 images, and fewer of a network on large images', () => {
  const large = randomModel(3, { layer: 'conv:128x128x64,k3x3,o32,s1,p1' });
  expect([model, large].map(testbenchImages)).toEqual([20, 6]);
  const beats = testbenchFiles(model, folded)['testbench_pixels.hex'].trim().split('\n');
  expect(beats).toHaveLength(20 * 4 * 5);
});

it.each(['', 'net'])('names all Verilog files in the Makefile, with the prefix %j', (prefix) => {
  const o = { style: 'xc7', ...(prefix !== '' && { prefix }) } as const;
  const folds = { layer: { pe: 3, simd: 6 } };
  for (const design of [foldedDesign(model, { ...o, folds }), unrolledDesign(model, o)]) {
    const names = Object.keys(verilogFiles(design)).filter((name) => name.endsWith('.v'));
    const { Makefile } = testbenchFiles(model, design, { images: 1 });
    expect(Makefile.match(/[\w.]+\.v\b/g)).toEqual(expect.arrayContaining(names));
  }
});

it('a check says what it is at, from the reading to the last pixel', async () => {
  const seen: (readonly [part: string, done: number, total: number])[] = [];
  await verify(model, folded, verilogFiles(folded), {
    images: 2,
    onProgress: (...at) => seen.push(at),
  });
  expect(seen[0]).toEqual(['reading the Verilog', 0, 1]);
  const pixels = seen.slice(1);
  const total = pixels[0][2];
  expect(pixels.map(([part]) => part)).toEqual(pixels.map(() => 'pixels of the images'));
  expect(pixels.map(([, done]) => done)).toEqual(pixels.map((_, i) => i + 1));
  expect(pixels).toHaveLength(total);
  // Each of the images goes in alone, in a lane of its own or one after the other.
  expect(total % (4 * 5)).toBe(0);
});

const small = randomModel(4, { layer: 'dense:9x3' });
const branched = randomModel(8, { branches: true });
const designs = [
  ['folded', model, folded],
  ['branched', branched, foldedDesign(branched)],
  ['unrolled', small, unrolledDesign(small)],
  ['pipelined', small, unrolledDesign(small, { maxLevels: 6 })],
] as const;

for (const simulator of simulators)
  describe(`the Makefile's ${simulator}`, () => {
    it.each(designs)('passes a %s design, image by image', (_, own, design) => {
      const files = { ...verilogFiles(design), ...testbenchFiles(own, design, { images: 5 }) };
      const { status, text } = makeResult(files, simulator);
      expect(text).toContain('PASS 5 images');
      for (let image = 0; image < 5; image++) expect(text).toContain(`image ${image}: largest`);
      expect(text).not.toContain('%Warning');
      expect(status).toBe(0);
    });

    it.each(designs)(
      'ends with an error where a score of a %s design is another',
      (_, own, design) => {
        const files = { ...verilogFiles(design), ...testbenchFiles(own, design, { images: 5 }) };
        const lines = files['testbench_scores.hex'].split('\n');
        const last = lines.length - 2;
        lines[last] = lines[last].replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
        const scores = lines.join('\n');
        const { status, text } = makeResult(
          { ...files, 'testbench_scores.hex': scores },
          simulator,
        );
        expect(text).toMatch(/FAIL image 4, score \d+: expected -?\d+, got/);
        expect(status).not.toBe(0);
      },
    );
  });

for (const simulator of simulators.slice(0, 1))
  describe(`the Makefile's ${simulator}`, () => {
    it.each([
      ['writes over what waits', 'layer.v', /assign ce = .*;/, "assign ce = 1'b1;"],
      [
        'takes back what it offers',
        'scores_logic.v',
        /assign m_axis_tvalid = (.*);/,
        'assign m_axis_tvalid = $1 & m_axis_tready;',
      ],
      ['goes on while the other end waits', 'scores_logic.v', /wire ce = .*;/, "wire ce = 1'b1;"],
      ['stands still', 'layer.v', /wire free = .*;/, "wire free = 1'b0;"],
    ] as const)('ends with an error where a stream %s', (_, name, from, to) => {
      const files = { ...verilogFiles(folded), ...testbenchFiles(model, folded, { images: 12 }) };
      const text = files[name].replace(from, to);
      expect(text).not.toBe(files[name]);
      const run = makeResult({ ...files, [name]: text }, simulator);
      expect(run.text).toContain('FAIL');
      expect(run.status).not.toBe(0);
    });

    it('expects as many scores before their images as padding brings about', () => {
      const padded = randomModel(1970);
      const design = foldedDesign(padded);
      const files = { ...verilogFiles(design), ...testbenchFiles(padded, design, { images: 3 }) };
      const limit = files['testbench.v'].replace('early > 2', 'early > 1');
      expect(limit).not.toBe(files['testbench.v']);
      expect(makeResult(files, simulator).status).toBe(0);
      const { status, text } = makeResult({ ...files, 'testbench.v': limit }, simulator);
      expect(text).toContain('FAIL more than 3 beats of scores');
      expect(status).not.toBe(0);
    });
  });

it('of Icarus ends with an error by itself, also under vvp -n', () => {
  const files = testbenchFiles(model, folded, { images: 1 });
  expect(files['testbench.v']).toContain('$finish_and_return(1);');
  expect(files['testbench.v']).toContain('$fatal(1);');
  expect(files['testbench.v']).not.toContain('$stop');
  expect(files.Makefile).toContain('vvp -n testbench.vvp');
});

/** Words of SystemVerilog that Verilog-2001 has not: tools that take .v for SystemVerilog end at one as a name. */
const systemVerilogOnly = new Set(
  `accept_on alias always_comb always_ff always_latch assert assume before bind bins binsof bit break byte chandle checker
  class clocking const constraint context continue cover covergroup coverpoint cross dist do endchecker endclass
  endclocking endgroup endinterface endpackage endprogram endproperty endsequence enum eventually expect export extends
  extern final first_match foreach forkjoin global iff ignore_bins illegal_bins implements implies import inside int
  interconnect interface intersect join_any join_none let local logic longint matches modport nettype new nexttime null
  package packed priority program property protected pure rand randc randcase randsequence ref reject_on restrict return
  s_always s_eventually s_nexttime s_until s_until_with sequence shortint shortreal soft solve static string strong struct
  super sync_accept_on sync_reject_on tagged this throughout timeprecision timeunit type typedef union unique unique0
  until until_with untyped uwire var virtual void wait_order weak wildcard with within`.split(
    /\s+/,
  ),
);

it.each(designs)('of a %s design names nothing as SystemVerilog does', (_, own, design) => {
  const files = { ...verilogFiles(design), ...testbenchFiles(own, design, { images: 2 }) };
  for (const [name, text] of Object.entries(files)) {
    if (!name.endsWith('.v')) continue;
    const code = text.replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\/|"[^"\n]*"/g, ' ');
    const words = new Set(code.match(/(?<![\w$`'])[a-z_]\w*/g));
    expect([...words].filter((word) => systemVerilogOnly.has(word))).toEqual([]);
  }
});
