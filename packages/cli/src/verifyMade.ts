import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { projectFiles, testbenchFiles, verilogFiles } from '@hbnn/verilog';
import { withTestbenchScores } from './engines.ts';
import { openImported, openTrained, type Trained } from './fineTuned.ts';
import { loweredRun } from './loweredRun.ts';
import { type MadeManifest, readMadeManifest, sha256Of } from './madeManifest.ts';
import { readModelFile } from './modelFile.ts';
import type { OutputOptions } from './output.ts';
import { designOf, readRtl } from './rtlFolder.ts';
import { presentSystem } from './runManifest.ts';

/** How what lies on disk compares with its manifest, and with what is made again today. */
export interface MadeOutcome {
  /** `unchanged`: as it was written, and what it was made of is not there to make it again. */
  readonly outcome: 'equal' | 'unchanged' | 'expected' | 'differs';
  readonly why?: string;
}

/** Make a model's file again from its run, in memory. */
export async function verifyModel(path: string, o: OutputOptions): Promise<MadeOutcome> {
  const manifest = readMadeManifest(path, 'hbnn lower');
  const changed = changedFiles(manifest, { [basename(path)]: readFileSync(path) });
  if (changed !== undefined) return { outcome: 'differs', why: changed };
  const { run, settings, from, scaleBits, backend, weightsFileSha256 } = manifest.from;
  if (typeof run !== 'string' || typeof scaleBits !== 'number' || typeof backend !== 'string')
    throw new HbnnError(
      `${path}: expected a manifest with run, scaleBits and backend, got one without; make it again with hbnn lower`,
    );
  const folder = join(dirname(path), run);
  const weights = join(folder, 'weights.bin');
  if (!existsSync(weights))
    return { outcome: 'unchanged', why: `its run ${folder} is not there any more` };
  if (typeof weightsFileSha256 !== 'string')
    throw new HbnnError(
      `${path}: expected a manifest with weightsFileSha256, got one without; make it again with hbnn lower`,
    );
  if (sha256Of(readFileSync(weights)) !== weightsFileSha256)
    return { outcome: 'expected', why: `the run ${folder} has other weights now` };
  const place = typeof from === 'string' ? from : undefined;
  const opener =
    settings === undefined ? await openTrained(folder) : await importedAs(folder, settings);
  const again = await loweredRun(opener, {
    from: place,
    scaleBits,
    backend,
    quiet: o.quiet,
  });
  return compared(manifest, { [basename(path)]: again.bytes }, again.backend === 'wasm');
}

/** An imported network with the images that a manifest says. */
async function importedAs(folder: string, settings: unknown): Promise<Trained> {
  const { runConfig } = await import('@hbnn/train');
  return openImported(folder, runConfig({ ...(settings as object), weights: 'float' }));
}

/** Make the Verilog of a folder again from its model, in memory. */
export async function verifyRtlFolder(path: string): Promise<MadeOutcome> {
  const { manifest: design, files } = readRtl(path);
  const manifest = readMadeManifest(path, 'hbnn verilog');
  const named = Object.keys(manifest.files).filter((name) => existsSync(join(path, name)));
  const onDisk = Object.fromEntries(named.map((name) => [name, readFileSync(join(path, name))]));
  const more = readdirSync(path).filter((name) => name in files && !(name in manifest.files));
  const changed = changedFiles(manifest, onDisk);
  if (changed !== undefined) return { outcome: 'differs', why: changed };
  if (more.length > 0)
    return { outcome: 'differs', why: `${more.join(', ')} came after hbnn verilog` };
  const { images, clockMhz, modelSha256 } = manifest.from;
  const file = design.modelFile === undefined ? undefined : join(path, design.modelFile);
  if (file === undefined || !existsSync(file))
    return { outcome: 'unchanged', why: 'its model is not there any more' };
  if (sha256Of(readFileSync(file)) !== modelSha256)
    return { outcome: 'expected', why: `${relative('.', file)} is another model now` };
  if (typeof images !== 'number')
    throw new HbnnError(
      `${path}: expected a manifest with images, got one without; make it again with hbnn verilog`,
    );
  const model = await readModelFile(file);
  const made = designOf(path, design, model);
  const testbench = await withTestbenchScores(model, (run) =>
    testbenchFiles(model, made, { images, run }),
  );
  const hardware = { ...verilogFiles(made), ...testbench };
  const clock = typeof clockMhz === 'number' ? clockMhz : undefined;
  const project =
    design.projectFiles === undefined ? {} : projectFiles(made, hardware, { clockMhz: clock });
  return compared(manifest, { ...hardware, ...project }, true);
}

/** Which files are not as the manifest has them, in words. */
export function changedFiles(
  { files }: MadeManifest,
  onDisk: Readonly<Record<string, Uint8Array>>,
): string | undefined {
  const faults = Object.entries(files).flatMap(([name, digest]) => {
    if (onDisk[name] === undefined) return [`${name} is not there any more`];
    return sha256Of(onDisk[name]) === digest ? [] : [`${name} was changed after it was written`];
  });
  return faults.length === 0 ? undefined : faults.join('; ');
}

/** @param isPortable whether the processor and Node have no part in the bytes */
function compared(
  manifest: MadeManifest,
  again: Readonly<Record<string, string | Uint8Array>>,
  isPortable: boolean,
): MadeOutcome {
  const names = new Set([...Object.keys(manifest.files), ...Object.keys(again)]);
  const others = [...names].filter(
    (name) => again[name] === undefined || sha256Of(again[name]) !== manifest.files[name],
  );
  if (others.length === 0) return { outcome: 'equal' };
  const now = presentSystem();
  const fields = ['hbnn', 'commit', ...(isPortable ? [] : (['platform', 'node', 'cpu'] as const))];
  const reasons = (fields as ('hbnn' | 'commit' | 'platform' | 'node' | 'cpu')[])
    .filter((field) => manifest[field] !== now[field])
    .map((field) => `${field} ${manifest[field]} then, ${now[field]} now`);
  const what = `made again, ${others.join(', ')} came out otherwise`;
  if (reasons.length > 0) return { outcome: 'expected', why: `${what}: ${reasons.join('; ')}` };
  return { outcome: 'differs', why: `${what} by the same version` };
}
