import { join } from 'node:path';
import { expect, it } from 'vitest';
import { program } from '../src/program.ts';
import { hbnn, temporary } from './process.ts';

it('with --quiet commands print results and errors alone', () => {
  const dir = temporary();
  const at = (name: string): string => join(dir, name);
  const few = ['--limit', '300', '--epochs', '1', '--recalibrate', '0'];
  process.env.HBNN_CACHE = at('cache');
  const lines: string[][] = [
    ['random', '--tensor', '2,3', '--out', at('w.npy')],
    ['binarize', at('w.npy'), '--average', '1.4', '--map-per', 'output', '--out', at('binarized')],
    // More images are asked for than there are, which is worth a note.
    ['train', ...few, '--test-limit', '99999', '--out', at('run')],
    ['eval', '--run', at('run')],
    ['lower', '--run', at('run'), '--out', at('run.hbnn')],
    ['random', '--layer', 'dense:20x4', '--out', at('m.hbnn')],
    ['verilog', '--model', at('m.hbnn'), '--out', at('rtl')],
    ['verify', '--model', at('m.hbnn'), '--rtl', at('rtl'), '--proof'],
    ['synth', '--rtl', at('rtl')],
    ['estimate', '--model', at('m.hbnn'), '--target', 'zc706'],
    [
      'compare-settings',
      ...few,
      '--test-limit',
      '100',
      '--weights',
      '1,2',
      '--seeds',
      '2',
      '--out',
      at('compared'),
    ],
  ];
  for (const line of lines) {
    const { code, out, err } = hbnn(...line, line[0] === 'train' ? '-q' : '--quiet');
    expect([code, err], line.join(' ')).toEqual([0, '']);
    expect(out, line.join(' ')).not.toBe('');
    expect(out, line.join(' ')).not.toContain('Next:');
  }
  expect(hbnn('--quiet', 'eval', '--run', at('run')).err).toBe('');
  expect(hbnn('eval', '--run', at('run')).err).toMatch(/^backend |^testing /m);
  expect(hbnn('eval', '--run', at('none'), '--quiet')).toMatchObject({
    code: 2,
    out: '',
    err: expect.stringContaining('there is no such folder'),
  });
});

it('--quiet is in the help of every command that prints a result', () => {
  const commands = program().commands.flatMap((one) =>
    one.commands.length > 0 ? one.commands : [one],
  );
  const without = commands
    .filter((one) => !one.options.some(({ long }) => long === '--quiet'))
    .map((one) => one.name());
  expect(without).toEqual([]);
});
