// Bundle the command's own sources into dist/bin/main.js; every package stays an import.
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = here('../dist');

rmSync(`${dist}/bin`, { recursive: true, force: true });
await build({
  entryPoints: [here('../src/main.ts')],
  outfile: `${dist}/bin/main.js`,
  ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20', sourcemap: true },
  packages: 'external',
});
