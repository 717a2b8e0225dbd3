import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BatchSource, HbnnError } from '@hbnn/core';
import type { Dataset } from '@hbnn/datasets';
import type { RunConfig, RunResult } from '@hbnn/train';
import { writeWhole } from '@hbnn/train/files';
import { ownVersion } from './commands/ownVersion.ts';

const format = 'HBNN run, version 1';

/** What a run's numbers came from, beside what config.json and result.json say. */
export interface RunManifest {
  readonly format: string;
  /** Version of hbnn. */
  readonly hbnn: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly backend: string;
  readonly seed: number;
  /** Checksum of all images as they are trained and tested on, and of their labels; null for a folder of images. */
  readonly dataSha256: string | null;
  readonly weightsSha256: string;
  /** The commit of a checkout; null where hbnn is installed. */
  readonly commit: string | null;
}

const manifestFile = (dir: string): string => join(dir, 'manifest.json');

/** What hbnn runs on and with, now. */
export function presentSystem(): Pick<
  RunManifest,
  'hbnn' | 'node' | 'platform' | 'cpu' | 'commit'
> {
  const { platform, arch, version: node } = process;
  const cpu = cpus()[0]?.model.trim() ?? 'unknown';
  return { hbnn: ownVersion, node, platform: `${platform} ${arch}`, cpu, commit: commitHere() };
}

function commitHere(): string | null {
  try {
    const cwd = dirname(fileURLToPath(import.meta.url));
    // A folder of installed packages may lie in somebody else's checkout.
    if (cwd.includes('node_modules')) return null;
    const text = execFileSync('git', ['rev-parse', 'HEAD'], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return text.trim();
  } catch {
    return null;
  }
}

const imagesPerBatch = 1000;

/** Checksum the images that a configuration is trained and tested on; null for a folder, which would take hours. */
export async function dataSha256(
  config: RunConfig,
  { train, validation, test }: Dataset,
): Promise<string | null> {
  if (config.data === 'folder') return null;
  const digest = createHash('sha256');
  for (const source of [train, validation, test])
    if (source !== undefined) for await (const part of partsOf(source)) digest.update(part);
  return digest.digest('hex');
}

async function* partsOf(source: BatchSource): AsyncGenerator<Uint8Array> {
  yield Buffer.from(JSON.stringify([source.shape, source.classes, source.count]));
  const pass = { batch: imagesPerBatch, shuffle: false, seed: 0, epoch: 0 };
  for await (const { images, labels } of source.batches(pass)) {
    yield new Uint8Array(images.buffer, images.byteOffset, images.byteLength);
    yield new Uint8Array(Int32Array.from(labels).buffer);
  }
}

/** Write the manifest of a run that has ended, unless it has one. */
export async function writeRunManifest(
  dir: string,
  result: RunResult,
  data: Dataset,
): Promise<void> {
  if (existsSync(manifestFile(dir))) return;
  const { backend, config, weightsSha256 } = result;
  const manifest: RunManifest = {
    format,
    ...presentSystem(),
    backend,
    seed: config.seed,
    dataSha256: await dataSha256(config, data),
    weightsSha256,
  };
  writeWhole(manifestFile(dir), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Read a run's manifest; undefined where it has none, as runs of earlier versions. @throws HbnnError for another file */
export function readRunManifest(dir: string): RunManifest | undefined {
  const file = manifestFile(dir);
  if (!existsSync(file)) return undefined;
  let manifest: Partial<RunManifest> | null;
  try {
    manifest = JSON.parse(readFileSync(file, 'utf8')) as Partial<RunManifest> | null;
  } catch (error) {
    throw new HbnnError(
      `${file}: is not JSON (${(error as Error).message}); delete it, or train the run again`,
    );
  }
  const isWhole = ['hbnn', 'node', 'platform', 'cpu', 'backend', 'weightsSha256'].every(
    (field) => typeof Reflect.get(manifest ?? {}, field) === 'string',
  );
  if (manifest?.format === format && isWhole) return manifest as RunManifest;
  throw new HbnnError(
    `${file}: expected ${format}, got ${JSON.stringify(manifest?.format ?? null)} or fields of other kinds; delete it, or train the run again`,
  );
}
