import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { isFineTuned } from './fineTuned.ts';

/** What of hbnn lies at a path. */
export type PathKind =
  | 'run folder'
  | 'network folder'
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
    if (existsSync(join(path, 'model.json'))) return 'network folder';
    return existsSync(join(path, 'hbnn.json')) ? 'Verilog folder' : 'folder';
  }
  return stat.isFile() && (/\.hbnn$/i.test(path) || beginsAsModel(path)) ? 'model file' : 'file';
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

/**
 * Refuse what is no run folder, where it is something else that hbnn makes.
 *
 * @param instead what to do with a model file
 * @throws HbnnError naming what it is and the option that takes it
 */
export function checkRunFolder(path: string, instead: string): void {
  const kind = kindAt(path);
  if (kind === 'run folder' || kind === 'folder' || kind === 'nothing') return;
  const ways: Partial<Record<PathKind, string>> = {
    'model file': instead,
    'network folder': `binarize it with 'hbnn fine-tune ${path} --out tuned' and give that folder, or lower it as it is with 'hbnn lower ${path}'`,
  };
  const way = ways[kind] ?? 'give the --out of hbnn train';
  throw new HbnnError(
    `--run: expected a run folder of 'hbnn train', got ${article(kind)} ${path}; ${way}`,
  );
}

/** Refuse a folder as a model file. @throws HbnnError saying how to get the file */
export function checkModelFile(path: string): void {
  const kind = kindAt(path);
  if (!kind.endsWith('folder')) return;
  const ways: Partial<Record<PathKind, string>> = {
    'run folder': `make its file with 'hbnn lower --run ${path} --out ${path.replace(/\/+$/, '')}.hbnn'`,
    'network folder': `binarize it with 'hbnn fine-tune ${path} --out tuned', then lower it with 'hbnn lower --run tuned'`,
    'Verilog folder': 'give the file that it was written from, and this folder by --rtl',
  };
  throw new HbnnError(
    `${path}: expected a model file, got ${kind === 'folder' ? 'a folder' : `a ${kind}`}; ${ways[kind] ?? 'name a file of hbnn lower or hbnn random'}`,
  );
}

/**
 * Refuse what is no folder of `hbnn import`, where it is something else that hbnn reads or makes.
 *
 * @param ofRun what to do with a run folder
 * @throws HbnnError naming what it is and what to do
 */
export function checkNetworkFolder(path: string, ofRun: string): void {
  const kind = kindAt(path);
  const ways: Partial<Record<PathKind, string>> = {
    'run folder': ofRun,
    'model file': 'give the network that it was lowered from',
    file: `import it first: hbnn import ${path} --out net`,
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
  const ways: Partial<Record<PathKind, string>> = {
    'model file': `write its Verilog with 'hbnn verilog --model ${path} --out rtl'`,
    'run folder': `lower it with 'hbnn lower --run ${path}', then write its Verilog with 'hbnn verilog'`,
    'network folder': `lower it with 'hbnn lower ${path}', then write its Verilog with 'hbnn verilog'`,
  };
  const way = ways[kind] ?? 'give the folder that it is in, the --out of hbnn verilog';
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
