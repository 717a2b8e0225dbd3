// `pnpm setup:tfjs-node PATH`: build the native addon of @tensorflow/tfjs-node against a libtensorflow that
// is on this machine already, without the package's own download. PATH is one of
//   - a libtensorflow archive (.tar.gz) as TensorFlow publishes it, or such an archive unpacked;
//   - a folder with TensorFlow's Python package, as from `pip install --no-deps --target DIR tensorflow-cpu`.
// Needs a C++ compiler, make and Python 3 (node-gyp's own needs).
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const nodeGyp = 'node-gyp@11.5.0';
const napi = 8;

class SetupError extends Error {}

interface Library {
  /** Holds tensorflow/c/c_api.h. */
  readonly include: string;
  readonly tensorflow: string;
  readonly framework: string;
}

/** The first file of a folder whose name fits. */
function file(folder: string, fits: RegExp): string | undefined {
  if (!existsSync(folder)) return undefined;
  const name = readdirSync(folder)
    .sort()
    .find((entry) => fits.test(entry));
  return name === undefined ? undefined : realpathSync(join(folder, name));
}

/** Find library and headers: an unpacked archive has lib/ and include/, the Python package its own layout. */
function findLibrary(path: string): Library {
  for (const root of [path, join(path, 'tensorflow')]) {
    for (const lib of [join(root, 'lib'), root]) {
      const tensorflow = file(lib, /^libtensorflow(_cc)?\.so(\.\d+)*$/);
      const framework = file(lib, /^libtensorflow_framework\.so(\.\d+)*$/);
      const include = join(root, 'include');
      const headers = existsSync(join(include, 'tensorflow', 'c', 'c_api.h'));
      if (tensorflow && framework && headers) return { include, tensorflow, framework };
    }
  }
  throw new SetupError(
    `${path}: expected libtensorflow (or libtensorflow_cc), libtensorflow_framework and include/tensorflow/c, ` +
      'found not all of them; give an unpacked libtensorflow archive or a folder with the Python package',
  );
}

function unpacked(path: string): string {
  if (!existsSync(path)) throw new SetupError(`${path}: does not exist`);
  if (!/\.(tar\.gz|tgz)$/.test(path)) return path;
  const folder = mkdtempSync(join(tmpdir(), 'libtensorflow-'));
  run('tar', ['-xzf', path, '-C', folder], folder);
  return folder;
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (status !== 0) {
    throw new SetupError(
      `${command} ${args.join(' ')}: failed${error ? ` (${error.message})` : ''}`,
    );
  }
}

/** Where the package lies; its code need not load for that. */
function packageFolder(): string {
  const train = fileURLToPath(new URL('../packages/train/package.json', import.meta.url));
  try {
    return dirname(createRequire(train).resolve('@tensorflow/tfjs-node/package.json'));
  } catch {
    throw new SetupError('@tensorflow/tfjs-node is not installed: run `pnpm install` first');
  }
}

/** Put headers and links to the libraries where the addon's build and its run path look for them. */
function placeLibrary(folder: string, library: Library): void {
  const deps = join(folder, 'deps');
  rmSync(deps, { recursive: true, force: true });
  mkdirSync(join(deps, 'lib'), { recursive: true });
  for (const part of ['tensorflow', 'tsl', 'xla']) {
    const from = join(library.include, part);
    if (existsSync(from)) cpSync(from, join(deps, 'include', part), { recursive: true });
  }
  const link = (target: string, name: string): void => {
    const path = join(deps, 'lib', name);
    if (!existsSync(path)) symlinkSync(target, path);
  };
  // By the names the linker asks for, and by those the loader will.
  for (const [path, plain] of [
    [library.tensorflow, 'libtensorflow.so'],
    [library.framework, 'libtensorflow_framework.so'],
  ]) {
    const name = path.split('/').at(-1) as string;
    link(path, name);
    link(path, plain);
    link(path, `${name.split('.so')[0]}.so.2`);
  }
}

function buildAddon(folder: string): void {
  // Headers beside this Node, if it brought them; else node-gyp downloads them.
  const prefix = resolve(dirname(realpathSync(process.execPath)), '..');
  const headers = existsSync(join(prefix, 'include', 'node', 'node_api.h'));
  const target = join(folder, 'lib', `napi-v${napi}`);
  run(
    'npx',
    [
      '--yes',
      nodeGyp,
      'rebuild',
      '--module_name=tfjs_binding',
      `--module_path=${target}`,
      `--napi_build_version=${napi}`,
      `--napi_version=${napi}`,
      ...(headers ? [`--nodedir=${prefix}`] : []),
    ],
    folder,
  );
  if (!existsSync(join(target, 'tfjs_binding.node'))) {
    throw new SetupError(`${nodeGyp}: ended well, but left no ${target}/tfjs_binding.node`);
  }
}

function tryAddon(): void {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const code =
    "const { useBackend } = await import('@hbnn/train'); console.log((await useBackend({ prefer: 'tensorflow' })).why);";
  const flags = ['--conditions=hbnn-source', '--import', 'tsx', '--input-type=module'];
  run(process.execPath, [...flags, '-e', code], join(root, 'benchmarks'));
}

try {
  const path = process.argv[2];
  const usage =
    'usage: pnpm setup:tfjs-node PATH, a libtensorflow archive (.tar.gz or unpacked) or a folder with ' +
    "TensorFlow's Python package";
  if (path === undefined) throw new SetupError(usage);
  if (path === '--help' || path === '-h') {
    console.log(usage);
    process.exit(0);
  }
  const library = findLibrary(unpacked(resolve(path)));
  const folder = packageFolder();
  placeLibrary(folder, library);
  buildAddon(folder);
  tryAddon();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`setup:tfjs-node: ${error.message}`);
  process.exitCode = 2;
}
