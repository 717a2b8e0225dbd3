import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { changedPackages, codeDigests, trainingFiles, trainingPackages } from './codeDigest.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const read = (file: string): string => readFileSync(`${root}${file}`, 'utf8');

/** Files that a file names in relative imports and exports. AssemblyScript leaves the ending out. */
function relativeImports(file: string): string[] {
  const named = [...read(file).matchAll(/(?:from|import) '(\.[^']*)'/g)].map(([, path]) =>
    posix.join(posix.dirname(file), path),
  );
  return named.map((path) =>
    path.endsWith('.ts') || path.endsWith('.json') ? path : `${path}.ts`,
  );
}

describe('the digest of training code', () => {
  it.each(trainingPackages)('of %s leaves out nothing that its files load', (name) => {
    const files = new Set(trainingFiles(name));
    expect(files.size).toBeGreaterThan(3);
    for (const file of files) {
      // What lies in build/ is compiled from assembly/, which is digested.
      for (const loaded of relativeImports(file).filter((path) => !path.includes('/build/')))
        expect(files, `${file} loads ${loaded}`).toContain(loaded);
    }
  });

  it('has the sources of quantizers, training steps, kernels and data, and no others', () => {
    const all = trainingPackages.flatMap(trainingFiles);
    for (const file of [
      'packages/core/src/residual.ts',
      'packages/core/src/optimal/optimal.ts',
      'packages/train/src/fit.ts',
      'packages/train/src/networks/alexnetBn.ts',
      'packages/wasm/assembly/training/conv.ts',
      'packages/wasm/src/training/trainingKernels.ts',
      'datasets/src/cifar10.ts',
    ])
      expect(all).toContain(file);
    for (const file of all) {
      expect(existsSync(`${root}${file}`)).toBe(true);
      expect(file).not.toMatch(/\.test\.ts$|\/inference\/|packages\/(model|circuit|verilog)/);
    }
  });

  it('is stable, and says which packages differ', () => {
    const code = codeDigests();
    expect(codeDigests()).toEqual(code);
    expect(Object.keys(code)).toEqual(['core', 'train', 'wasm', 'datasets']);
    expect(changedPackages(code, { ...code, wasm: '0'.repeat(12) })).toEqual(['wasm']);
  });
});
