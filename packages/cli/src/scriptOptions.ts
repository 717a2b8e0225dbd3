import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { reportError } from './report.ts';

/** The comment at the top of a script, without its stars and slashes. */
function topComment(script: string): string {
  const text = readFileSync(fileURLToPath(script), 'utf8');
  const block = /^\/\*\*\n([\s\S]*?)\n \*\//.exec(text)?.[1];
  const lines = block ?? /^(?:\/\/.*\n)+/.exec(text)?.[0] ?? '';
  return lines.replaceAll(/^(?: \*|\/\/) ?/gm, '').trim();
}

/** What a user types to start the script, by the comment at its top. */
const commandIn = (comment: string): string | undefined =>
  /pnpm (?:--filter \S+ )?[\w:-]+/.exec(comment)?.[0];

/**
 * Read the options of a script of this repository, such as a bench.
 *
 * `--help` prints the comment at the top of the script. An unknown option ends the script with a line and exit code 2, and
 * so does any `HbnnError` that nothing catches.
 *
 * @param script the script's `import.meta.url`
 * @param config as of `parseArgs` of Node, without `args` and `strict`
 */
export function scriptOptions<
  const T extends Pick<ParseArgsConfig, 'options' | 'allowPositionals'>,
>(script: string, config: T): ReturnType<typeof parseArgs<T>> {
  const comment = topComment(script);
  const name = commandIn(comment) ?? script;
  process.on('uncaughtException', (error) => {
    process.exit(reportError(error, name, false));
  });
  if (process.argv.slice(2).some((arg) => arg === '--help' || arg === '-h')) {
    console.log(comment);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    const [message] = (error as Error).message.split('. ');
    console.error(`${name}: ${message}; see '${name} --help'`);
    process.exit(2);
  }
}
