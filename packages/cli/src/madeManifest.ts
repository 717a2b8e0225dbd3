import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { removeFile, writeWhole } from '@hbnn/train/files';
import { presentSystem, type RunManifest } from './runManifest.ts';

const format = 'HBNN files, version 1';

/** What a model's file, a folder of Verilog or a reproduction came from. */
export interface MadeManifest
  extends Pick<RunManifest, 'hbnn' | 'node' | 'platform' | 'cpu' | 'commit'> {
  readonly format: typeof format;
  /** What it was made of, and how. */
  readonly from: Readonly<Record<string, unknown>>;
  /** The checksum of each file, by name. */
  readonly files: Readonly<Record<string, string>>;
}

export const sha256Of = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex');

/** The manifest inside a folder, or beside a file. */
const manifestBeside = (path: string): string =>
  existsSync(path) && statSync(path).isDirectory()
    ? join(path, 'manifest.json')
    : `${resolve(path)}.manifest.json`;

/** Take a manifest away before what it speaks of is written anew. */
export const forgetManifest = (path: string): void => removeFile(manifestBeside(path));

/** Write down what was made just now. */
export function writeMadeManifest(
  path: string,
  from: MadeManifest['from'],
  contents: Readonly<Record<string, string | Uint8Array>>,
): void {
  const files = Object.fromEntries(
    Object.entries(contents).map(([name, content]) => [name, sha256Of(content)]),
  );
  const manifest: MadeManifest = { format, ...presentSystem(), from, files };
  writeWhole(manifestBeside(path), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Read the manifest of what was made. @throws HbnnError where there is none, or another file */
export function readMadeManifest(path: string, command: string): MadeManifest {
  const file = manifestBeside(path);
  if (!existsSync(file))
    throw new HbnnError(
      `${path}: expected ${file}, which says what it was made of, got none; make it again with ${command}`,
    );
  let manifest: Partial<MadeManifest> | null;
  try {
    manifest = JSON.parse(readFileSync(file, 'utf8')) as Partial<MadeManifest> | null;
  } catch (error) {
    throw new HbnnError(
      `${file}: is not JSON (${(error as Error).message}); make it again with ${command}`,
    );
  }
  const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;
  if (manifest?.format === format && isObject(manifest.from) && isObject(manifest.files))
    return manifest as MadeManifest;
  throw new HbnnError(
    `${file}: expected ${format}, got ${JSON.stringify(manifest?.format ?? null)} or other fields; make it again with ${command}`,
  );
}
