// Bundle the command into dist/bin/main.js, with the private @hbnn/datasets inside; every other
// package stays an import. The embedded images go where the bundled loader looks for them: in
// ../embedded as seen from its own file.
import { cpSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = here('../dist');
const inside = '@hbnn/datasets';

rmSync(`${dist}/bin`, { recursive: true, force: true });
rmSync(`${dist}/embedded`, { recursive: true, force: true });
await build({
  entryPoints: [here('../src/main.ts')],
  outfile: `${dist}/bin/main.js`,
  ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20', sourcemap: true },
  plugins: [
    {
      name: 'packages stay outside',
      setup: (on) =>
        on.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
          kind === 'entry-point' || path === inside ? undefined : { path, external: true },
        ),
    },
  ],
});
cpSync(here('../../../datasets/embedded'), `${dist}/embedded`, { recursive: true });
// pnpm adds the project's licence to a package only while no file named LICENSE is in it.
renameSync(`${dist}/embedded/fashion-mnist/LICENSE`, `${dist}/embedded/fashion-mnist/COPYING`);
