import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folders of a package whose sources decide what a training comes to. */
interface PackageSources {
  readonly folders: readonly string[];
  /** Beginnings of paths below those folders that no training runs: other work, and lists of names. */
  readonly without: readonly string[];
}

/** All sources that decide a training's outcome, by package. A change in any of them makes a new digest. */
const trainingSources = {
  core: { folders: ['packages/core/src'], without: ['index.ts'] },
  train: { folders: ['packages/train/src'], without: ['index.ts'] },
  wasm: {
    folders: ['packages/wasm/src', 'packages/wasm/assembly'],
    without: ['inference/', 'inference.ts', 'index.ts'],
  },
  datasets: { folders: ['datasets/src', 'datasets/embedded'], without: ['index.ts'] },
} as const satisfies Record<string, PackageSources>;

export type TrainingPackage = keyof typeof trainingSources;
export const trainingPackages = Object.keys(trainingSources) as readonly TrainingPackage[];

/** The digest of each package's training sources: the first 12 hexadecimal digits of a SHA-256. */
export type CodeDigests = Readonly<Record<TrainingPackage, string>>;

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** The files whose content is digested, relative to the repository, in order. */
export function trainingFiles(name: TrainingPackage): string[] {
  const { folders, without }: PackageSources = trainingSources[name];
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((file) => file.replaceAll('\\', '/'))
      .filter((file) => file.endsWith('.ts') || file.endsWith('.json'))
      .filter((file) => !file.endsWith('.test.ts'))
      .filter((file) => !without.some((start) => file.startsWith(start)))
      .sort()
      .map((file) => `${folder}/${file}`),
  );
}

/** Digest the sources that trainings depend on, package by package. */
export function codeDigests(): CodeDigests {
  const digests = trainingPackages.map((name) => {
    const digest = createHash('sha256');
    for (const file of trainingFiles(name))
      digest.update(file).update(readFileSync(join(root, file)));
    return [name, digest.digest('hex').slice(0, 12)] as const;
  });
  return Object.fromEntries(digests) as Record<TrainingPackage, string>;
}

/** The packages whose training sources differ. */
export function changedPackages(a: CodeDigests, b: CodeDigests): TrainingPackage[] {
  return trainingPackages.filter((name) => a[name] !== b[name]);
}
