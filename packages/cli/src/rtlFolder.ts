import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import {
  type AdderStyle,
  type Design,
  type Fold,
  type FoldedDesign,
  type FoldTable,
  foldedDesign,
  type MemoryStyle,
  unrolledDesign,
} from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';
import { removeFile, writeWhole } from '@hbnn/train/files';
import { foldTable } from './foldFile.ts';
import { checkRtlFolder } from './pathKind.ts';
import { missing, whyUnreadable } from './unreadable.ts';

/** The file that says how a folder of Verilog came about. */
const manifestName = 'hbnn.json';
const format = 'HBNN Verilog, version 1';
/** What a manifest says while the files are written: whoever is killed leaves a folder that nobody reads. */
const unfinished = 'HBNN Verilog, unfinished';

/** What `hbnn verilog` was told, and what it made. */
export interface RtlManifest {
  readonly model: string;
  readonly top: string;
  /** What names of modules begin with; none where it is not said. */
  readonly prefix?: string;
  readonly style: AdderStyle;
  /** `unrolled` where it is not said. */
  readonly architecture?: 'unrolled' | 'folded';
  /** An unrolled design has it. */
  readonly latencyCycles?: number;
  /** A folded design has it. */
  readonly cyclesPerImage?: number;
  readonly folds?: FoldTable;
  /** A folded design has it. */
  readonly memories?: MemoryStyle;
  /** Whether a folded design's pixels come with s_axis_tlast. */
  readonly inputLast?: boolean;
  /** Files for other tools that were asked for. */
  readonly projectFiles?: readonly string[];
  /** Levels of gates between registers, where it is pipelined. */
  readonly maxLevels?: number;
  readonly layers: readonly { readonly layer: string; readonly module: string }[];
  /** The file of the model, from the folder on; undefined where it came from elsewhere, and in older folders. */
  readonly modelFile?: string;
}

/**
 * Write the Verilog of a design, its testbench and the manifest, which says where the model's file is.
 *
 * @returns how many files there are, and their bytes together
 */
export function writeRtl(
  folder: string,
  model: CheckedModel,
  design: Design | FoldedDesign,
  files: Readonly<Record<string, string>>,
  { modelFile, projectFiles }: { modelFile: string; projectFiles: readonly string[] },
): { readonly files: number; readonly bytes: number } {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new HbnnError(
      `--out: expected a folder, or a name for a new one, got ${folder}, which could not be made: ${whyUnreadable(error)}; choose another`,
    );
  }
  checkClearable(folder);
  const earlier = earlierProjectFiles(folder);
  writeManifest(folder, { format: unfinished, projectFiles: [...earlier, ...projectFiles] });
  clearEarlier(folder, earlier);
  const { top, prefix, style, maxLevels } = design;
  const layers = design.layers.map(({ layer, module }) => ({ layer, module }));
  const manifest: RtlManifest & { format: string } = {
    format,
    model: model.name,
    top,
    ...(prefix !== '' && { prefix }),
    style,
    architecture: design.kind,
    ...(design.kind === 'folded'
      ? {
          cyclesPerImage: design.cyclesPerImage,
          folds: foldsOf(design),
          memories: design.memories,
          ...(design.frame !== undefined && { inputLast: true }),
        }
      : { latencyCycles: design.latencyCycles }),
    ...(maxLevels !== undefined && { maxLevels }),
    layers,
    ...(projectFiles.length > 0 && { projectFiles }),
    ...(statSync(modelFile).isFile() && { modelFile: relative(folder, modelFile) }),
  };
  for (const [name, text] of Object.entries(files)) writeWhole(join(folder, name), text);
  const about = writeManifest(folder, manifest);
  const bytes = Object.values(files).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return { files: Object.keys(files).length + 1, bytes: bytes + about };
}

function foldsOf({ layers }: FoldedDesign): FoldTable {
  return Object.fromEntries(
    layers.flatMap(({ layer, fold }): [string, FoldTable[string]][] =>
      fold === undefined ? [] : [[layer, fold.constant ? 'constant' : plainFold(fold)]],
    ),
  );
}

/** A fold without what else is said of it. */
export const plainFold = ({ pe, simd, planes }: Fold): Fold => ({
  pe,
  simd,
  ...(planes !== undefined && { planes }),
});

/** The design that a folder was made of. @throws HbnnError where the model is another one */
export function designOf(
  folder: string,
  manifest: RtlManifest,
  model: CheckedModel,
): Design | FoldedDesign {
  const { style, maxLevels, prefix, folds = {}, architecture, memories, inputLast } = manifest;
  // What the folder holds was within a budget when it was written.
  const design =
    architecture === 'folded'
      ? foldedDesign(model, { style, maxLevels, prefix, folds, memories, inputLast })
      : unrolledDesign(model, { style, maxLevels, prefix, maxAdders: Infinity });
  if (design.top !== manifest.top)
    throw new HbnnError(
      `${folder}: expected Verilog of the model '${model.name}' with top ${design.top}, got ${manifest.top} of '${manifest.model}'; give the model it was made of`,
    );
  return design;
}

const isRtl = (name: string): boolean => /\.(v|hex)$/.test(name);

/** What runs the testbench beside the Verilog. */
const runsTestbench = (name: string): boolean => /^testbench\w*\.cpp$|^Makefile$/.test(name);

/** @returns the bytes of the file */
function writeManifest(folder: string, content: object): number {
  const text = `${JSON.stringify(content, null, 2)}\n`;
  writeWhole(join(folder, manifestName), text);
  return Buffer.byteLength(text);
}

/** Refuse a folder with anything in it that is not of `hbnn verilog`. */
function checkClearable(folder: string): void {
  const names = readdirSync(folder);
  if (names.length > 0 && !names.includes(manifestName) && !names.every(isHalfWritten))
    throw new HbnnError(
      `${folder}: expected an empty folder or one of 'hbnn verilog', got ${names[0]} in it; choose another folder`,
    );
}

/** What a killed process leaves of a file that it was writing. */
const isHalfWritten = (name: string): boolean => /\.\d+\.tmp$/.test(name);

/** Take away what an earlier design left, so that no module of it is read with this one. */
function clearEarlier(folder: string, projectFiles: readonly string[]): void {
  const earlier = readdirSync(folder).filter((name) => {
    const whole = name.replace(/\.\d+\.tmp$/, '');
    const ours = isRtl(whole) || runsTestbench(whole) || projectFiles.includes(whole);
    return ours || (whole === manifestName && whole !== name);
  });
  for (const name of earlier) removeFile(join(folder, name));
}

/** Files for other tools that an earlier design wrote; what somebody put beside them stays. */
function earlierProjectFiles(folder: string): string[] {
  if (!existsSync(join(folder, manifestName))) return [];
  try {
    const { projectFiles } = JSON.parse(readFileSync(join(folder, manifestName), 'utf8'));
    return Array.isArray(projectFiles) ? projectFiles : [];
  } catch {
    return [];
  }
}

/** Read a folder of Verilog. @throws HbnnError when it is none of `hbnn verilog` */
export function readRtl(folder: string): {
  readonly manifest: RtlManifest;
  readonly files: Readonly<Record<string, string>>;
} {
  const files: Record<string, string> = {};
  let manifest: RtlManifest & { format?: string };
  checkRtlFolder(folder);
  const wayOut = `write it with 'hbnn verilog --model MODEL --out ${folder}'`;
  if (!existsSync(folder)) throw missing(folder, 'folder', wayOut);
  const names = readdirSync(folder);
  if (!names.includes(manifestName))
    throw new HbnnError(
      `${folder}: expected a folder of 'hbnn verilog' with its ${manifestName}, got ${names.length === 0 ? `an empty one; ${wayOut}` : 'one without it; give the --out of hbnn verilog'}`,
    );
  try {
    for (const name of names)
      if (isRtl(name)) files[name] = readFileSync(join(folder, name), 'utf8');
    manifest = JSON.parse(readFileSync(join(folder, manifestName), 'utf8'));
  } catch (error) {
    throw new HbnnError(
      `${folder}: expected a folder of 'hbnn verilog' with its ${manifestName}, got: ${whyUnreadable(error)}; ${wayOut}`,
    );
  }
  if (manifest?.format === unfinished)
    throw new HbnnError(
      `${folder}: expected the whole Verilog of a design, got a part of it: writing it broke off; ${wayOut}`,
    );
  const known = manifest?.format === format && typeof manifest.top === 'string';
  if (!known || (manifest.style !== 'gates' && manifest.style !== 'xc7'))
    throw new HbnnError(
      `${join(folder, manifestName)}: expected ${format}, got ${JSON.stringify(manifest?.format) ?? 'another file'}; ${wayOut}`,
    );
  if (!/^[A-Za-z_][A-Za-z0-9_$]*$/.test(manifest.top))
    throw new HbnnError(
      `${join(folder, manifestName)}: expected the name of a module as top, got '${manifest.top}'; write the folder again with hbnn verilog`,
    );
  checkFields(manifest, join(folder, manifestName));
  for (const name of manifest.projectFiles ?? []) delete files[name];
  return { manifest, files };
}

const isListOfNames = (list: unknown): boolean =>
  Array.isArray(list) && list.every((name) => typeof name === 'string');

/** @throws HbnnError where a manifest says something that no design has */
function checkFields(manifest: RtlManifest, file: string): void {
  const { architecture, folds, maxLevels, memories, projectFiles } = manifest;
  if (folds !== undefined) foldTable(folds, `${file}: folds`);
  const faults: [string, boolean][] = [
    ['architecture', ['unrolled', 'folded', undefined].includes(architecture)],
    ['maxLevels', maxLevels === undefined || (Number.isSafeInteger(maxLevels) && maxLevels > 0)],
    ['memories', memories === undefined || (typeof memories === 'object' && memories !== null)],
    ['projectFiles', projectFiles === undefined || isListOfNames(projectFiles)],
  ];
  const fault = faults.find(([, isSound]) => !isSound)?.[0];
  if (fault !== undefined)
    throw new HbnnError(
      `${file}: expected ${fault} as hbnn verilog writes it, got ${JSON.stringify(Reflect.get(manifest, fault))}; write the folder again`,
    );
}
