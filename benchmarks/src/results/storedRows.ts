import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeWhole } from '@hbnn/train/files';
import { provenance } from './provenance.ts';

const results = fileURLToPath(new URL('../../results/', import.meta.url));

/** Keep a bench's rows in benchmarks/results/speed/NAME.json, with commit, machine and command. */
export const saveSpeed = (name: string, backend: string, rows: readonly object[]): string =>
  saveRows('speed', name, backend, rows);

/** Keep rows that `pnpm bench:NAME` printed in benchmarks/results/KIND/NAME.json. */
export function saveRows(
  kind: 'speed' | 'accuracy' | 'hardware',
  name: string,
  backend: string,
  rows: readonly object[],
): string {
  const folder = join(results, kind);
  const command = [`pnpm bench:${name}`, ...process.argv.slice(2)].join(' ');
  const file = join(folder, `${name}.json`);
  mkdirSync(folder, { recursive: true });
  const content = { bench: name, provenance: provenance(backend, command), rows };
  writeWhole(file, `${JSON.stringify(content, null, 1)}\n`);
  return file;
}
