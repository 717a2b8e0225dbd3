import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

it.each([
  [['--tensor', '2,3'], 'w.hbnn', "ends in .npy, got '"],
  [['--layer', 'dense:8x2'], 'w.npy', "ends in .hbnn, got '"],
])(
  'hbnn random %j refuses the name %s, which says of the file what it is not',
  (args, name, message) => {
    const out = join(temporary(), name);
    const { code, err } = hbnn('random', ...args, '--out', out);
    expect([code, err.trim().split('\n').length]).toEqual([2, 1]);
    expect(err).toContain(message);
    expect(existsSync(out)).toBe(false);
  },
);
