import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { program } from '../src/program.ts';
import { readSweepFile } from '../src/sweep/sweepFile.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const deploy = join(root, 'deploy');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Container {
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext?: { readonly readOnlyRootFilesystem?: boolean };
}
interface Pod {
  readonly containers: readonly Container[];
  readonly securityContext?: { readonly runAsNonRoot?: boolean };
}
interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly ports?: unknown;
  readonly read_only?: boolean;
}

const { services } = parse(read('deploy/compose.yaml'), { merge: true }) as {
  services: Readonly<Record<string, Service>>;
};
const pods = readdirSync(join(deploy, 'kubernetes')).flatMap((file) =>
  parseAllDocuments(read(`deploy/kubernetes/${file}`)).flatMap((document): Pod[] => {
    const { spec } = document.toJS() as { spec?: { template?: { spec: Pod } } };
    return spec?.template === undefined ? [] : [spec.template.spec];
  }),
);

/** What of a command line hbnn does not know. */
function unknownWords(words: readonly string[]): string[] {
  let command: Command = program();
  let at = 0;
  for (; at < words.length; at++) {
    const below = command.commands.find((each) => each.name() === words[at]);
    if (below === undefined) break;
    command = below;
  }
  const options = words.slice(at).filter((word) => word.startsWith('--'));
  const known = command.options.map(({ long }) => long);
  return command.parent === null ? [...words] : options.filter((word) => !known.includes(word));
}

describe('what lies in deploy', () => {
  it('calls commands and options of hbnn that there are', () => {
    const lines = [
      ...Object.values(services),
      ...pods
        .flatMap(({ containers }) => containers)
        .map((each) => ({ ...each, command: each.args })),
    ].flatMap(({ image, command }) => (image === 'hbnn' ? [command ?? []] : []));
    expect(lines).toHaveLength(4);
    for (const words of lines) expect(unknownWords(words), words.join(' ')).toEqual([]);
    expect(unknownWords(['sweep', 'worker', '--quue', 'x'])).toEqual(['--quue']);
    expect(unknownWords(['sweeps'])).toEqual(['sweeps']);
  });

  it('publishes no port, runs as nobody of importance, and holds no password', () => {
    for (const [name, service] of Object.entries(services)) {
      expect(service.ports, name).toBeUndefined();
      expect(service.read_only, name).toBe(true);
    }
    expect(pods).toHaveLength(3);
    for (const { containers, securityContext } of pods) {
      expect(securityContext?.runAsNonRoot).toBe(true);
      for (const container of containers) {
        expect(container.securityContext?.readOnlyRootFilesystem).toBe(true);
        for (const { name, value } of container.env ?? []) expect(value, name).toBeUndefined();
      }
    }
    expect(read('deploy/Dockerfile')).toMatch(/^USER 1000:1000$/m);
  });

  it('builds with the versions of the repository, and sweeps by a file that is right', () => {
    const { packageManager } = JSON.parse(read('package.json')) as { packageManager: string };
    expect(read('deploy/Dockerfile')).toContain(`npm install --global ${packageManager}`);
    const { settings, seeds } = readSweepFile(join(deploy, 'sweep.yaml'));
    expect([settings.length, seeds.length]).toEqual([6, 3]);
  });
});
