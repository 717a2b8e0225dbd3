import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HbnnError } from '@hbnn/core';
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

/** The file of a bench's rows, of its own for a kind of processor that has a name. @throws HbnnError for another name */
export function fileOf(bench: string, processor?: string): string {
  if (processor === undefined) return bench;
  if (!/^[a-z0-9-]+$/.test(processor))
    throw new HbnnError(
      `--processor: expected a name of small letters, digits and hyphens such as vnni, got ${JSON.stringify(processor)}`,
    );
  return `${bench}-${processor}`;
}

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
