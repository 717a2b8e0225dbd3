import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { HbnnError } from '@hbnn/core';
import type { RunConfig } from '@hbnn/train';
import { isFineTuned } from './fineTuned.ts';
import { besideRun, canLower, freeRtlFolder, hbnnLine, lowerLine } from './nextSteps.ts';
import { missing } from './unreadable.ts';

/** What of hbnn lies at a path. */
export type PathKind =
  | 'run folder'
  | 'network folder'
  | 'TensorFlow.js folder'
  | 'dumped model'
  | 'Verilog folder'
  | 'folder'
  | 'model file'
  | 'file'
  | 'nothing';

/** Say what lies at a path, by what is in it. */
export function kindAt(path: string): PathKind {
  // statSync alone would throw for a path with a file among its folders.
  if (!existsSync(path)) return 'nothing';
  const stat = statSync(path);
  if (stat.isDirectory()) {
    if (existsSync(join(path, 'config.json')) || isFineTuned(path)) return 'run folder';
    const isManifest = existsSync(join(path, 'hbnn.json'));
    if (!existsSync(join(path, 'model.json'))) return isManifest ? 'Verilog folder' : 'folder';
    if (isManifest) return 'network folder';
    return isDump(join(path, 'model.json')) ? 'dumped model' : 'TensorFlow.js folder';
  }
  return stat.isFile() && (/\.hbnn$/i.test(path) || beginsAsModel(path)) ? 'model file' : 'file';
}

/** Whether the model.json of a folder is one of `hbnn dump`. */
function isDump(file: string): boolean {
  const { format } = fieldsIn(file) as { readonly format?: unknown };
  return typeof format === 'string' && format.startsWith('HBNN integer model');
}

/** Whether a file is one of another framework, by its name. */
export const isNetworkName = (path: string): boolean => /\.(onnx|keras|h5|hdf5|json)$/i.test(path);

/** The fields of a file of JSON; none where it is no such file. */
function fieldsIn(file: string): object {
  try {
    return Object(JSON.parse(readFileSync(file, 'utf8'))) as object;
  } catch {
    return {};
  }
}

const magic = 'HBNN';

function beginsAsModel(file: string): boolean {
  const bytes = Buffer.alloc(magic.length);
  try {
    const opened = openSync(file, 'r');
    try {
      readSync(opened, bytes, 0, bytes.length, 0);
    } finally {
      closeSync(opened);
    }
  } catch {
    return false;
  }
  return bytes.toString('latin1') === magic;
}

const article = (kind: PathKind): string => (kind === 'folder' ? 'the folder' : `the ${kind}`);

/** What to do with a folder of a network that has been imported, or can be. */
const networkWays = (path: string): Partial<Record<PathKind, string>> => ({
  'network folder': `lower it with '${hbnnLine('lower', path, '--data', 'DATA', '--out', `${besideRun(path)}.hbnn`)}', or binarize it with '${hbnnLine('fine-tune', path, '--data', 'DATA', '--out', 'tuned')}'`,
  'TensorFlow.js folder': `import it with '${hbnnLine('import', path, '--out', 'net')}'`,
  'dumped model': 'give the file that it was dumped from',
});

/**
 * How a run becomes a model's file, as far as its folder says.
 *
 * @param then what follows the lowering
 */
export function wayToModel(run: string, then = ''): string {
  const lowered = `lower it with '${lowerLine(run)}'${then}`;
  if (isFineTuned(run)) return lowered;
  const config = configOf(run);
  if (config.inputs !== undefined && !canLower(config as RunConfig))
    return config.quantizer === undefined
      ? 'it has input maps for each image (dynamic), which have no integer form; train one with --input-map static'
      : `its weights are of --quantizer ${config.quantizer}, which has no integer form; train one without`;
  if (existsSync(join(run, 'weights.bin'))) return lowered;
  return `end it with '${hbnnLine('train', '--out', run, '--resume')}', then ${lowered}`;
}

/** How a run's weights are binarized without a training, as far as its folder says. */
export function wayToQuantize(run: string): string {
  const { weights, layerBits, quantizer } = configOf(run);
  const isFloat = weights === 'float' && layerBits === undefined && quantizer === undefined;
  if (isFineTuned(run) || !isFloat)
    return 'its weights are binarized already; give a float network';
  return `binarize it without training by '${hbnnLine('quantize', '--run', run, '--out', 'quantized')}'`;
}

const configOf = (run: string): Partial<RunConfig> => fieldsIn(join(run, 'config.json'));

/** The first run folder at most two levels below a folder. */
function runBelow(folder: string, levels = 2): string | undefined {
  const folders = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name));
  const run = folders.find((path) => kindAt(path) === 'run folder');
  if (run !== undefined || levels === 0) return run;
  return folders.map((path) => runBelow(path, levels - 1)).find((path) => path !== undefined);
}

/**
 * Refuse what is no run folder, where it is something else that hbnn makes, or has runs below it.
 *
 * @param instead what to do with a model file
 * @throws HbnnError naming what it is and the option that takes it
 */
export function checkRunFolder(path: string, instead: string): void {
  const kind = kindAt(path);
  if (kind === 'run folder') return;
  if (kind === 'nothing')
    throw missing(path, 'folder', `make it with '${hbnnLine('train', '--out', path)}'`);
  const expected = `--run: expected a run folder of 'hbnn train', got`;
  if (kind === 'folder') {
    // Runs of early versions, and copies of curves, have this file alone.
    if (existsSync(join(path, 'metrics.jsonl'))) return;
    const run = runBelow(path);
    if (run !== undefined)
      throw new HbnnError(
        `${expected} the folder ${path}, which has runs below it; give one of them, such as ${run}`,
      );
    const isEmpty = readdirSync(path).length === 0;
    throw new HbnnError(
      `${expected} ${isEmpty ? 'the empty folder' : 'the folder'} ${path}; ${isEmpty ? `make one with '${hbnnLine('train', '--out', path)}'` : 'give the --out of hbnn train'}`,
    );
  }
  const ways = { ...networkWays(path), 'model file': instead };
  const way = ways[kind] ?? 'give the --out of hbnn train';
  throw new HbnnError(`${expected} ${article(kind)} ${path}; ${way}`);
}

/** Refuse a folder as a model file. @throws HbnnError saying how to get the file */
export function checkModelFile(path: string): void {
  const kind = kindAt(path);
  if (kind === 'model file' || kind === 'file' || kind === 'nothing') return;
  const ways = { ...networkWays(path), 'Verilog folder': `give ${modelOfRtl(path)}` };
  const way =
    kind === 'run folder'
      ? wayToModel(path)
      : (ways[kind] ?? 'name a file of hbnn lower or hbnn random');
  throw new HbnnError(
    `${path}: expected a model file, got ${kind === 'folder' ? 'a folder' : `a ${kind}`}; ${way}`,
  );
}

/** The file that a folder of Verilog was written from, by name where it is still there. */
function modelOfRtl(folder: string): string {
  const { modelFile } = fieldsIn(join(folder, 'hbnn.json')) as { readonly modelFile?: unknown };
  const file = typeof modelFile === 'string' ? join(folder, modelFile) : undefined;
  return file !== undefined && existsSync(file) ? file : 'the file that it was written from';
}

/**
 * Refuse what is no folder of `hbnn import`, where it is something else that hbnn reads or makes.
 *
 * @param ofRun what to do with a run folder
 * @throws HbnnError naming what it is and what to do
 */
export function checkNetworkFolder(path: string, ofRun: (run: string) => string): void {
  const kind = kindAt(path);
  if (kind === 'nothing')
    throw missing(path, 'folder', `make it with '${hbnnLine('import', 'MODEL', '--out', path)}'`);
  const ways: Partial<Record<PathKind, string>> = {
    ...networkWays(path),
    'network folder': undefined,
    folder: 'give the --out of hbnn import',
    ...(kind === 'run folder' && { 'run folder': ofRun(path) }),
    'model file': 'give the network that it was lowered from',
    'Verilog folder': 'give the network that it was made of',
    file: isNetworkName(path)
      ? `import it with '${hbnnLine('import', path, '--out', 'net')}'`
      : 'give the --out of hbnn import',
  };
  const way = ways[kind];
  if (way === undefined) return;
  throw new HbnnError(
    `${path}: expected a folder of 'hbnn import', got ${kind === 'file' ? 'a file' : `a ${kind}`}; ${way}`,
  );
}

/** Refuse a file as a folder of Verilog. @throws HbnnError saying what to give */
export function checkRtlFolder(path: string): void {
  const kind = kindAt(path);
  if (kind === 'nothing' || kind === 'folder' || kind === 'Verilog folder') return;
  const then = ", then write its Verilog with 'hbnn verilog'";
  const networks = networkWays(path);
  const ways: Partial<Record<PathKind, string>> = {
    ...networks,
    'network folder': `${networks['network folder']}${then}`,
    'model file': `write its Verilog with '${hbnnLine('verilog', '--model', path, '--out', freeRtlFolder())}'`,
  };
  const way =
    kind === 'run folder'
      ? wayToModel(path, then)
      : (ways[kind] ?? 'give the folder that it is in, the --out of hbnn verilog');
  throw new HbnnError(
    `--rtl: expected a folder of 'hbnn verilog', got ${article(kind)} ${path}; ${way}`,
  );
}

/**
 * Refuse a place that is neither a folder without files nor free; a fresh repository counts as empty.
 *
 * @param wayOut what to do instead
 * @throws HbnnError naming the place and what lies there
 */
export function checkNewOrEmpty(where: string, folder: string, wayOut: string): void {
  if (!existsSync(folder)) return;
  const expected = `${where}: expected a folder that is new or empty`;
  if (!statSync(folder).isDirectory()) throw new HbnnError(`${expected}, got a file; ${wayOut}`);
  const [own] = readdirSync(folder).filter((file) => file !== '.git');
  if (own !== undefined) throw new HbnnError(`${expected}, got one with ${own}; ${wayOut}`);
}

/**
 * Refuse to write into what another command has made: its files would lie beside others that look like part of them.
 *
 * @throws HbnnError naming the option, the path and what lies there
 */
export function checkOwnFolder(path: string, own: PathKind | undefined): void {
  const kind = kindAt(path);
  if (kind === 'nothing' || kind === 'folder' || kind === own) return;
  throw new HbnnError(
    `--out: expected a folder that is new or empty, got ${path}, ${kind === 'file' ? 'a file' : `a ${kind}`}; choose another`,
  );
}

/**
 * Refuse to write over a file that is read.
 *
 * @throws HbnnError naming the option of the file
 */
export function checkNotRead(
  out: string | undefined,
  read: Readonly<Record<string, string | undefined>>,
): void {
  if (out === undefined) return;
  for (const [option, file] of Object.entries(read))
    if (file !== undefined && resolve(file) === resolve(out))
      throw new HbnnError(
        `--out: expected another file than that of ${option}, got ${out} for both; choose another`,
      );
}
