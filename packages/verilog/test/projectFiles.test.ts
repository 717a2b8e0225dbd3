import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foldedDesign, unrolledDesign } from '@hbnn/circuit';
import { parseMix, random } from '@hbnn/core';
import { interpreter, randomModel } from '@hbnn/model';
import { projectFiles, testbenchFiles, verify, verilogFiles } from '@hbnn/verilog';
import { afterAll, describe, expect, it } from 'vitest';
import { compile } from '../src/simulate/compile.ts';
import { bitOf, gateNetlist } from '../src/simulate/simulate.ts';
import { wordsPerSlot } from '../src/simulate/wasmCode.ts';

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const [verilator, cocotb] = [has('verilator'), has('cocotb-config')];
if (!verilator) console.log('verilator is not installed: its tests are skipped');
if (!cocotb) console.log('cocotb is not installed: its tests are skipped');

/** `pnpm --filter @hbnn/verilog simulators`: assertions are compiled, and fail where they should. */
const simulators = process.env.HBNN_SIMULATORS === 'all';

const model = randomModel(3, {
  layer: 'conv:4x4x3,k3x3,o4,s1,p1',
  mix: parseMix('0.7/0.3'),
  mapPer: 'position',
});
const folds = { layer: { pe: 2, simd: 9 } };
const framed = foldedDesign(model, { folds, inputLast: true, prefix: 'net1', style: 'xc7' });
const designs = [
  ['folded', foldedDesign(model, { folds, memories: { rom: 'hex' } })],
  ['framed', framed],
  ['pipelined', unrolledDesign(model, { maxLevels: 6 })],
  ['unrolled', unrolledDesign(model, { style: 'xc7' })],
] as const;

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'hbnn-project-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

describe.each(designs)('project files of a %s design', (kind, design) => {
  const hardware = { ...verilogFiles(design), ...testbenchFiles(model, design, { images: 3 }) };
  const project = projectFiles(design, hardware, { clockMhz: 160 });
  const files = { ...hardware, ...project };
  const { top } = design;

  it('name every file of the hardware once, and its clock', () => {
    const listed = project[`${top}.f`].split('\n').filter((line) => /^[^/]/.test(line));
    const wanted = Object.keys(verilogFiles(design)).filter(
      (n) => n.endsWith('.v') && n !== 'xc7_models.v',
    );
    expect([...listed].sort()).toEqual([...wanted].sort());
    for (const name of [...listed, ...Object.keys(hardware).filter((n) => n.endsWith('.hex'))])
      expect(project[`${top}.core`].split(`- ${name}`).length, name).toBe(2);
    const clock = { folded: 'aclk', framed: 'aclk', pipelined: 'clk', unrolled: undefined }[kind];
    const line =
      clock === undefined
        ? 'set_max_delay 6.250 -from'
        : `create_clock -name ${clock} -period 6.250`;
    for (const end of ['xdc', 'sdc']) expect(project[`${top}.${end}`]).toContain(line);
    expect(`${top}_sva.sv` in project).toBe(clock !== undefined);
    expect(`${top}_dma.v` in project).toBe(design.kind === 'folded');
  });

  it('configure OpenLane where it can build them', () => {
    const text = project[`${top}_openlane.json`];
    // Chips have no cells of an FPGA.
    expect(text === undefined).toBe(design.style === 'xc7');
    if (text === undefined) return;
    // It would not find a .hex file.
    const withHex = projectFiles(design, { ...hardware, 'layer_weight_word.hex': '' });
    expect(`${top}_openlane.json` in withHex).toBe(false);
    const { VERILOG_FILES: listed, ...config } = JSON.parse(text);
    expect(listed.map((name: string) => name.replace('dir::', ''))).toEqual(
      project[`${top}.f`].split('\n').filter((line) => /^[^/]/.test(line)),
    );
    expect(config).toEqual({
      DESIGN_NAME: top,
      CLOCK_PORT: design.kind === 'folded' ? 'aclk' : 'clk',
      CLOCK_PERIOD: 6.25,
      PNR_SDC_FILE: `dir::${top}.sdc`,
      SIGNOFF_SDC_FILE: `dir::${top}.sdc`,
    });
  });

  it.skipIf(!verilator)('are read by Verilator, and their assertions hold', () => {
    const cwd = folderOf(files);
    const models = kind === 'framed' || kind === 'unrolled' ? ['xc7_models.v'] : [];
    const sva = Object.keys(project).filter((name) => name.endsWith('_sva.sv'));
    const lint = [
      '--lint-only',
      '-Wall',
      '--assert',
      '--top-module',
      top,
      '-f',
      `${top}.f`,
      ...models,
    ];
    const { status, stderr } = spawnSync('verilator', [...lint, ...sva], { cwd, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    if (design.kind === 'folded') {
      const bridge = lint.map((word) => (word === top ? `${top}_dma` : word));
      const run = spawnSync('verilator', [...bridge, `${top}_dma.v`], { cwd, encoding: 'utf8' });
      expect([run.status, run.stderr]).toEqual([0, '']);
    }
    if (sva.length === 0 || !simulators) return;
    const flags = `VERILATOR_FLAGS=-O0 -CFLAGS -O0 --assert ${sva[0]}`;
    const run = spawnSync('make', ['verilator', flags], { cwd, encoding: 'utf8' });
    expect(run.stdout).toContain('PASS 3 images');
    // A beat in reset, and a number that is not the largest's, break an assertion.
    const scores =
      kind === 'pipelined'
        ? 'largest.v'
        : Object.keys(hardware).find((n) => /scores_logic\.v$/.test(n));
    const name = scores ?? '';
    const broken =
      kind === 'pipelined'
        ? hardware[name].replace(/assign largest = (\w+);/, 'assign largest = ~$1;')
        : hardware[name].replace(
            /if \(!aresetn\) full <= (\d+)'d0;/,
            "if (!aresetn) full <= {$1{1'b1}};",
          );
    expect(broken).not.toBe(hardware[name]);
    writeFileSync(join(cwd, name), broken);
    const failed = spawnSync('make', ['verilator', flags], { cwd, encoding: 'utf8' });
    expect(failed.stdout + failed.stderr).toContain('Assertion failed');
    expect(failed.status).not.toBe(0);
  });

  it.skipIf(!cocotb)('pass their cocotb test', () => {
    const run = spawnSync('make', ['-f', 'cocotb.mk'], { cwd: folderOf(files), encoding: 'utf8' });
    expect(run.stdout + run.stderr).toMatch(/TESTS=1 PASS=1 FAIL=0/);
  });
});

describe('s_axis_tlast', () => {
  it('leaves scores as they are, and is verified with the rest', async () => {
    const files = { ...verilogFiles(framed), ...testbenchFiles(model, framed, { images: 3 }) };
    expect(await verify(model, framed, files, { images: 24 })).toMatchObject({ equal: true });
    const top = `${framed.top}.v`;
    // Without its end, an image that is as it should be counts as too long.
    const edited = files[top]
      .replace('wire late = take &', 'wire late = take & last &')
      .replace('& ~s_axis_tlast & last;', '& last;');
    expect(edited).not.toBe(files[top]);
    const broken = await verify(model, framed, { ...files, [top]: edited }, { images: 24 });
    expect(broken.equal).toBe(false);
  });

  it('lets an image that is too short or too long spoil itself alone', async () => {
    const { top, scores, input } = framed;
    const compiled = await compile(await gateNetlist(framed, verilogFiles(framed)), top);
    const { memory } = compiled;
    const slots = (name: string): readonly number[] => compiled.slots(name) ?? [];
    const set = (name: string, bits: bigint): void =>
      slots(name).forEach((slot, i) => {
        memory.fill(
          (bits >> BigInt(i)) & 1n ? -1 : 0,
          wordsPerSlot * slot,
          wordsPerSlot * (slot + 1),
        );
      });
    const get = (name: string): bigint =>
      slots(name).reduce(
        (sum, slot, i) => sum | (BigInt(bitOf(compiled, slot, 0)) << BigInt(i)),
        0n,
      );
    const rng = random(5, 'frames');
    const pixels = input.shape[0] * input.shape[1];
    // Two pixels too few, two too many, and whole ones after each.
    const lengths = [pixels, pixels - 2, pixels, pixels + 2, pixels, 1, pixels];
    const images = lengths.map((n) => Uint8Array.from({ length: 3 * n }, () => rng.below(256)));
    const beatsIn = images.flatMap((image) =>
      Array.from({ length: image.length / 3 }, (_, i) => ({
        data: [0, 1, 2].reduce((word, c) => word | (BigInt(image[3 * i + c]) << BigInt(8 * c)), 0n),
        last: i === image.length / 3 - 1,
      })),
    );
    let [sent, errors] = [0, 0];
    const got: bigint[] = [];
    for (let cycle = 0; got.length < lengths.length * scores.beats && cycle < 20_000; cycle++) {
      set('aresetn', cycle < 2 ? 0n : 1n);
      const offered = cycle >= 2 && sent < beatsIn.length;
      set('s_axis_tvalid', offered ? 1n : 0n);
      set('s_axis_tdata', beatsIn[sent]?.data ?? 0n);
      set('s_axis_tlast', beatsIn[sent]?.last ? 1n : 0n);
      set('m_axis_tready', rng.below(3) > 0 ? 1n : 0n);
      compiled.evaluate();
      if (cycle >= 2 && get('frame_error') === 1n) errors++;
      if (offered && get('s_axis_tready') === 1n) sent++;
      if (cycle >= 2 && get('m_axis_tvalid') === 1n && get('m_axis_tready') === 1n)
        got.push(get('m_axis_tdata'));
      compiled.clock();
    }
    expect([got.length, errors]).toEqual([lengths.length * scores.beats, 3]);
    const classes = model.scoreOffsets.length;
    images.forEach((image, n) => {
      if (lengths[n] !== pixels) return;
      const wanted = interpreter(model).run(image);
      const found = Array.from({ length: classes }, (_, k) => {
        const [beat, at] = [Math.floor(k / scores.each), k % scores.each];
        return Number(BigInt.asIntN(32, got[n * scores.beats + beat] >> BigInt(32 * at)));
      });
      expect(found, `image ${n}`).toEqual([...wanted]);
    });
  });
});
