import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The example of a README: its first fenced block in one of these languages. */
export interface Example {
  readonly language: 'ts' | 'js' | 'sh';
  readonly code: string;
  /** What the comments behind or below its `console.log(…);` say is printed, line by line. */
  readonly promised: readonly string[];
}

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** Printed lines. */
  readonly lines: readonly string[];
}

/** Find the lines that a program prints, by the comments behind or below its `console.log(…);`. */
export const promisedLines = (code: string): string[] =>
  [...code.matchAll(/^ *console\.log\(.*\);(?: |\n *)\/\/ (.*)$/gm)].map(([, said]) => said);

/** Find the example of a README, of one language where it is given. */
export function readmeExample(readme: string | URL, language = 'ts|js|sh'): Example {
  const text = readFileSync(readme, 'utf8');
  const found = new RegExp(`^\`\`\`(${language})\\n([\\s\\S]*?)^\`\`\``, 'm').exec(text);
  if (found === null) throw new Error(`${readme}: has no fenced example in ${language}`);
  const [, named, code] = found;
  return { language: named as Example['language'], code, promised: promisedLines(code) };
}

/**
 * Run an example in a folder of its own below `place`, so that packages are found as from there. Code
 * runs in Node with `flags`, commands in bash after `prelude`.
 */
export function runExample(
  { language, code }: Example,
  o: { place: string; flags?: readonly string[]; prelude?: string; env?: NodeJS.ProcessEnv },
): Ran {
  const folder = mkdtempSync(join(o.place, '.readme-'));
  const file = join(folder, `example.${language}`);
  const [command, args] =
    language === 'sh' ? ['bash', ['-e', file]] : [process.execPath, [...(o.flags ?? []), file]];
  try {
    writeFileSync(file, language === 'sh' ? `${o.prelude ?? ''}\n${code}` : code);
    const ended = spawnSync(command, args, {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, ...o.env },
    });
    const lines = ended.stdout.trim().split('\n');
    return { code: ended.status, out: ended.stdout, err: ended.stderr, lines };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
