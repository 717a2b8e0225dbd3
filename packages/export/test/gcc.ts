import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CProgram } from '@hbnn/export';

/** Run a program and give what it printed. @throws Error with its own words where it fails */
export function ran(command: string, args: readonly string[], input?: Uint8Array): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    input,
    maxBuffer: 2 ** 28,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${status}\n${stderr}`);
  return stdout.toString();
}

const strict = ['-std=c99', '-pedantic', '-Wall', '-Wextra', '-Wshadow', '-Werror'];
export const sanitized = ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

/** A main that reads images from its input and prints a line of scores for each. */
const mainText = ({ prefix, files }: CProgram): string => `#include <stdio.h>
#include "${Object.keys(files)[0]}"
int main(void)
{
  static uint8_t pixels[${prefix.toUpperCase()}_PIXELS];
  int32_t scores[${prefix.toUpperCase()}_SCORES];
  while (fread(pixels, 1, sizeof pixels, stdin) == sizeof pixels) {
    ${prefix}_run(pixels, scores);
    for (int k = 0; k < ${prefix.toUpperCase()}_SCORES; k++) printf("%ld ", (long)scores[k]);
    printf("%ld\\n", (long)${prefix}_best(scores));
  }
  return ferror(stdin);
}
`;

/** Compile a program with its main in a folder of its own; the file of the executable. */
export function compiled(program: CProgram, folder: string, flags: readonly string[]): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(program.files)) writeFileSync(join(folder, name), text);
  const main = join(folder, 'read_images.c');
  writeFileSync(main, mainText(program));
  const source = join(folder, Object.keys(program.files)[1]);
  const executable = join(folder, 'run');
  ran('gcc', [...strict, ...flags, main, source, '-o', executable]);
  return executable;
}

/** Scores of images by a compiled program, and the number of the largest of each. */
export function scoresOf(
  executable: string,
  pixels: Uint8Array,
): { scores: number[]; best: number[] } {
  const lines = ran(executable, [], pixels).trimEnd().split('\n');
  const rows = lines.map((line) => line.split(' ').map(Number));
  return {
    scores: rows.flatMap((row) => row.slice(0, -1)),
    best: rows.map((row) => row.at(-1) ?? -1),
  };
}

/** Whether gcc can compile with some flags. */
export function gccTakes(folder: string, flags: readonly string[]): boolean {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'probe.c');
  writeFileSync(file, '#include <stdint.h>\nint main(void) { return 0; }\n');
  return spawnSync('gcc', [...flags, file, '-o', join(folder, 'probe')]).status === 0;
}
