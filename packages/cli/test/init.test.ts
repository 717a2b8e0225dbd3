import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeModel } from '@hbnn/model';
import { describe, expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

/** `pnpm --filter @hbnn/cli chains`: the whole demo, not its first steps with few images. */
const all = process.env.HBNN_CHAINS === 'all';

/** As in a shell, not within the package manager that runs these tests. */
const plain = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_|^INIT_CWD$/i.test(name)),
);

const npmRun = (cwd: string, ...args: string[]) =>
  spawnSync('npm', ['run', ...args], {
    cwd,
    env: plain,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });

describe('hbnn init', () => {
  it('makes a project whose commands run', () => {
    const folder = join(temporary(), 'My First');
    const made = hbnn('init', folder, '--json');
    expect(made.code, made.err).toBe(0);
    expect(JSON.parse(made.out).files).toEqual([
      '.gitignore',
      'README.md',
      'fresh.mjs',
      'package.json',
      'run.mjs',
      'train.json',
    ]);
    const { name, scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    expect(name).toBe('my-first');
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    expect(readme).toContain('# my-first');
    expect(readme).not.toContain('{{');
    const found = [...readme.matchAll(/npm run (\w+)\b(?! --)/g)].map(([, script]) => script);
    const named = [...new Set(found)].filter((script) => script !== 'hbnn');
    expect(named.sort()).toEqual(
      Object.keys(scripts)
        .filter((script) => script !== 'hbnn')
        .sort(),
    );
    if (!all) {
      const settings = JSON.parse(readFileSync(join(folder, 'train.json'), 'utf8'));
      const few = { ...settings, limit: 300, testLimit: 200, epochs: 1, recalibrate: 50 };
      writeFileSync(join(folder, 'train.json'), JSON.stringify(few));
    }
    for (const step of all ? ['demo'] : ['train', 'lower', 'own']) {
      const ran = npmRun(folder, '-s', step);
      expect(ran.status, `${step}: ${ran.stderr}`).toBe(0);
      if (step === 'train') expect(ran.stdout).toContain('\n  npm run -s hbnn -- ');
      if (step === 'own') expect(ran.stdout.trim().split('\n')).toHaveLength(3);
    }
    const ignored = readFileSync(join(folder, '.gitignore'), 'utf8').split(/\/?\n/);
    const left = readdirSync(folder).filter((file) => !JSON.parse(made.out).files.includes(file));
    expect(ignored).toEqual(expect.arrayContaining(left));
    expect(npmRun(folder, '-s', 'fresh').status).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(JSON.parse(made.out).files);
  });

  it('makes a page with a network that can be read', () => {
    const folder = join(temporary(), 'page');
    const made = hbnn('init', folder, '--web', '--json');
    expect(made.code, made.err).toBe(0);
    const { files } = JSON.parse(made.out);
    expect(files).toEqual(expect.arrayContaining(['index.html', 'main.js', 'public/network.hbnn']));
    const model = decodeModel(readFileSync(join(folder, 'public', 'network.hbnn')), 'network.hbnn');
    expect(model.classes).toContain('Trouser');
    for (const file of files.filter((name: string) => !name.endsWith('.hbnn')))
      expect(readFileSync(join(folder, file), 'utf8'), file).not.toContain('{{');
  });

  it('replaces nothing', () => {
    const folder = temporary();
    writeFileSync(join(folder, 'thesis.tex'), 'years');
    const { code, err } = hbnn('init', folder);
    expect([code, err.trim().split('\n').length]).toEqual([2, 1]);
    expect(err).toContain('expected a folder that is new or empty, got one with thesis.tex');
    expect(readdirSync(folder)).toEqual(['thesis.tex']);
    expect(hbnn('init', join(folder, 'thesis.tex', 'below')).code).toBe(2);
    // A fresh repository is as good as empty.
    const fresh = join(folder, 'fresh');
    mkdirSync(join(fresh, '.git'), { recursive: true });
    expect(hbnn('init', fresh).code).toBe(0);
  });
});
