import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError, type IntegerModel } from '@hbnn/core';
import { writeWhole } from '@hbnn/train/files';
import type { AdderStyle, Design } from '@hbnn/verilog';

/** The file that says how a folder of Verilog came about. */
const manifestName = 'hbnn.json';
const format = 'HBNN Verilog, version 1';

/** What `hbnn verilog` was told, and what it made. */
export interface RtlManifest {
  readonly model: string;
  readonly top: string;
  readonly style: AdderStyle;
  readonly latencyCycles: number;
  /** Levels of gates between registers, where it is pipelined. */
  readonly maxLevels?: number;
  readonly layers: readonly { readonly layer: string; readonly module: string }[];
}

/** Write the Verilog of a design, its testbench and the manifest. */
export function writeRtl(
  folder: string,
  model: IntegerModel,
  design: Design,
  files: Readonly<Record<string, string>>,
): void {
  mkdirSync(folder, { recursive: true });
  clearEarlier(folder);
  const { top, style, latencyCycles, maxLevels } = design;
  const layers = design.layers.map(({ layer, module }) => ({ layer, module }));
  const manifest = {
    ...{ format, model: model.name, top, style, latencyCycles },
    ...(maxLevels !== undefined && { maxLevels }),
    layers,
  };
  const all = { ...files, [manifestName]: `${JSON.stringify(manifest, null, 2)}\n` };
  for (const [name, text] of Object.entries(all)) writeWhole(join(folder, name), text);
}

const isRtl = (name: string): boolean => /\.(v|hex)$/.test(name);

/** Take away what an earlier design left, so that no module of it is read with this one. */
function clearEarlier(folder: string): void {
  const names = readdirSync(folder);
  const earlier = names.filter(isRtl);
  if (earlier.length > 0 && !names.includes(manifestName))
    throw new HbnnError(
      `${folder}: expected an empty folder or one of 'hbnn verilog', got ${earlier[0]} in it; choose another folder`,
    );
  for (const name of earlier) rmSync(join(folder, name));
}

/** Read a folder of Verilog. @throws HbnnError when it is none of `hbnn verilog` */
export function readRtl(folder: string): {
  readonly manifest: RtlManifest;
  readonly files: Readonly<Record<string, string>>;
} {
  const files: Record<string, string> = {};
  let manifest: RtlManifest & { format?: string };
  try {
    for (const name of readdirSync(folder))
      if (name.endsWith('.v')) files[name] = readFileSync(join(folder, name), 'utf8');
    manifest = JSON.parse(readFileSync(join(folder, manifestName), 'utf8'));
  } catch (error) {
    throw new HbnnError(
      `${folder}: expected a folder of 'hbnn verilog' with its ${manifestName}, got: ${(error as Error).message}`,
    );
  }
  const known = manifest.format === format && typeof manifest.top === 'string';
  if (!known || (manifest.style !== 'gates' && manifest.style !== 'xc7'))
    throw new HbnnError(
      `${join(folder, manifestName)}: expected ${format}, got '${manifest.format}'; write the folder again`,
    );
  if (!/^[A-Za-z_][A-Za-z0-9_$]*$/.test(manifest.top))
    throw new HbnnError(
      `${join(folder, manifestName)}: expected the name of a module as top, got '${manifest.top}'`,
    );
  return { manifest, files };
}
