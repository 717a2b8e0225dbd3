import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleSources } from '../../scripts/bundleSources.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Where `bench:reproduce` lies, bundled. */
export const bundledReproduce = here('../.vitest/reproduce/reproduce.mjs');

/** Vitest's global setup. */
export default (): Promise<void> =>
  bundleSources([here('../src/reproduce/reproduce.ts')], dirname(bundledReproduce));
