import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleSources } from '../../../scripts/bundleSources.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Where the bundled command lies, as a program and as a function. */
export const bundled = here('../.vitest/hbnn/main.mjs');
export const bundledCommand = here('../.vitest/hbnn/runTyped.mjs');

/** Vitest's global setup. */
export default (): Promise<void> =>
  bundleSources([here('../src/main.ts'), here('../src/runTyped.ts')], dirname(bundled));
