import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeWhole } from '@hbnn/train/files';
import { provenance } from './provenance.ts';

const results = fileURLToPath(new URL('../../results/', import.meta.url));

/** Keep rows of `pnpm bench:NAME` in benchmarks/results/speed/NAME.json, or another file, with commit, machine and command. */
export const saveSpeed = (
  name: string,
  backend: string,
  rows: readonly object[],
  to?: StoredFile,
): string => saveRows('speed', name, backend, rows, to);

interface StoredFile {
  /** Its name; by default that of the bench. */
  readonly file?: string;
  /** What else ran beside the bench, where that is known. */
  readonly note?: string;
}

/** Keep rows that `pnpm bench:NAME` printed in benchmarks/results/KIND/NAME.json, or in another file. */
export function saveRows(
  kind: 'speed' | 'accuracy' | 'hardware',
  name: string,
  backend: string,
  rows: readonly object[],
  { file: fileName = name, note }: StoredFile = {},
): string {
  const folder = join(results, kind);
  const command = [`pnpm bench:${name}`, ...process.argv.slice(2)].join(' ');
  const file = join(folder, `${fileName}.json`);
  mkdirSync(folder, { recursive: true });
  const content = {
    bench: name,
    provenance: provenance(backend, command),
    ...(note !== undefined && { note }),
    rows,
  };
  writeWhole(file, `${JSON.stringify(content, null, 1)}\n`);
  return file;
}
