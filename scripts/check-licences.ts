// `pnpm check:licences`: every package that is installed has a licence that goes with Apache-2.0, or is named here.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Licences by which code may be used, changed and passed on beside code under Apache-2.0. */
const fitting = new Set([
  '0BSD',
  'Apache-2.0',
  'BSL-1.0',
  'BSD',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Python-2.0',
  'Unlicense',
]);

/** Packages with other licences, each with why it may be used. */
const named: Readonly<Record<string, string>> = {
  'axe-core': 'MPL-2.0; a tool of the site’s tests, passed on by nobody',
  'caniuse-lite': 'CC-BY-4.0; data of build tools, passed on by nobody',
  h5wasm: 'the public domain of NIST, with the BSD licence of HDF5; its package names neither',
  spawndamnit: 'MIT in its file, which its package does not name; a tool of releases',
};

/** libvips is a shared library beside sharp, by LGPL-3.0-or-later: a package of its own for each platform. */
const isLibvips = (name: string): boolean => name.startsWith('@img/sharp-');

interface Package {
  readonly name: string;
}

const text = execFileSync('pnpm', ['licenses', 'list', '--json'], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 2 ** 26,
  shell: process.platform === 'win32',
});
const byLicence = JSON.parse(text) as Readonly<Record<string, readonly Package[]>>;

/** `A AND B` needs both, `A OR B` either; `WITH` adds permissions. */
const isFitting = (licence: string): boolean =>
  licence
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((part) => fitting.has(part.split(' WITH ')[0])));

const faults = Object.entries(byLicence).flatMap(([licence, packages]) =>
  isFitting(licence)
    ? []
    : packages
        .filter(({ name }) => named[name] === undefined && !isLibvips(name))
        .map(({ name }) => `${name}: expected a licence that goes with Apache-2.0, got ${licence}`),
);
const count = Object.values(byLicence).flat().length;
for (const fault of faults) console.error(fault);
console.log(
  `${count} packages, ${Object.keys(byLicence).length} licences, ${faults.length} that do not fit`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
