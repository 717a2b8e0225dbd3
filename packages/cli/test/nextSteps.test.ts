import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { hbnnArguments, temporary } from './process.ts';

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const typed = (cwd: string, line: string): Ran => {
  const [name, ...words] = line.split(' ');
  expect(name).toBe('hbnn');
  const { status, stdout, stderr } = spawnSync(process.execPath, hbnnArguments(...words), {
    cwd,
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
};

/** The lines under "Next:". */
const nextOf = (out: string): string[] =>
  out
    .slice(out.indexOf('\nNext:\n') + 1)
    .split('\n')
    .filter((line) => line.startsWith('  hbnn '))
    .map((line) => line.trim());

/**
 * Run command lines and all lines that they print as the next ones, each once.
 *
 * @returns the lines that ran
 */
function follow(cwd: string, first: readonly string[], leaveOut = /^$/): string[] {
  const lines = [...first];
  const ran: string[] = [];
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    if (ran.includes(line) || leaveOut.test(line)) continue;
    const { code, out, err } = typed(cwd, line);
    expect([code, err.split('\n').filter((text) => text.startsWith('hbnn:'))], line).toEqual([
      0,
      [],
    ]);
    ran.push(line);
    lines.unshift(...nextOf(out));
  }
  return ran;
}

const commands = (lines: readonly string[]): string[] => [
  ...new Set(lines.map((line) => line.split(' ')[1])),
];

const few = '--limit 300 --test-limit 100';

it('what follows a tensor replaces nothing', () => {
  const cwd = temporary();
  const random = 'hbnn random --tensor 8,3,3,4 --seed 1 --out weights.npy';
  const [binarize] = nextOf(typed(cwd, random).out);
  expect(binarize).toBe('hbnn binarize weights.npy --average 1.4 --out binarized');
  expect(typed(cwd, binarize).code).toBe(0);
  const again = nextOf(typed(cwd, random).out);
  expect(again).toEqual(['hbnn binarize weights.npy --average 1.4 --out binarized-2']);
});

it('what follows a layer runs', () => {
  const ran = follow(temporary(), ['hbnn random --layer dense:24x4 --seed 1 --out layer.hbnn']);
  expect(commands(ran)).toEqual(['random', 'verilog', 'verify', 'synth', 'estimate']);
});

// Chains from a training to hardware take minutes: `pnpm --filter @hbnn/cli chains` follows them.
const everywhere = process.env.HBNN_CHAINS === 'all';

if (everywhere) {
  it('what follows a tensor and a float network runs', () => {
    const cwd = temporary();
    const ran = follow(cwd, ['hbnn random --tensor 8,3,3,4 --seed 1 --out weights.npy']);
    expect(commands(ran)).toEqual([
      'random',
      'binarize',
      'train',
      'eval',
      'lower',
      'verilog',
      'verify',
      'synth',
      'estimate',
      'plot',
    ]);
    expect(ran).toContain('hbnn binarize weights.npy --average 1.4 --out binarized');
  });

  it('what follows the network of the README runs, which is too large to be unrolled', () => {
    const cwd = temporary();
    const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
    const [, flags] = /hbnn train (--widths [^\n]*\\\n[^\n]*)--epochs/.exec(readme) ?? [];
    const train = `hbnn train ${flags.replaceAll(/\s*\\\n\s*/g, ' ')}--epochs 1 ${few} --learning-rate 0.1 --out runs/static`;
    // Verilog of so large a network is read back in some ten minutes.
    const ran = follow(cwd, [train], /^hbnn (verify|synth) /);
    expect(commands(ran)).toEqual(['train', 'eval', 'lower', 'verilog', 'estimate', 'plot']);
    expect(ran.find((line) => line.startsWith('hbnn verilog'))).toBe(
      'hbnn verilog --model runs/static.hbnn --out rtl --style folded',
    );
    const unrolled = typed(cwd, 'hbnn verilog --model runs/static.hbnn --out rtl --target xc7');
    expect(unrolled.code).toBe(2);
    const way =
      /write it as a chain of streams with '(hbnn verilog --model runs\/static.hbnn --out rtl --style folded --target xc7)', or give --budget (\d+)\n$/.exec(
        unrolled.err,
      );
    expect(typed(cwd, way?.[1] ?? '').code).toBe(0);
    const folded = typed(cwd, 'hbnn verilog --model runs/static.hbnn --out rtl --style folded');
    expect(folded.out).toMatch(/^folds +the fewest cycles within about [\d,]+ LUTs, as one lane/m);
    const small = typed(
      cwd,
      'hbnn verilog --model runs/static.hbnn --out small --style folded --luts 50000',
    );
    const fewest = /--luts: expected at least (\d+), .* got 50000; give (\d+) or more/.exec(
      small.err,
    );
    expect(fewest?.[1]).toBe(fewest?.[2]);
    const enough = `hbnn verilog --model runs/static.hbnn --out small --style folded --luts ${fewest?.[1]}`;
    expect(typed(cwd, enough).code).toBe(0);
  });
}
