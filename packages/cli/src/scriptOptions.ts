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

/** What is typed, with a negative number joined to the option before it, so that the script's own check refuses it. */
const withNegatives = (typed: readonly string[], options: ParseArgsConfig['options'] = {}) =>
  typed.flatMap((arg, i) => {
    const takesText = (name: string): boolean => options[name.slice(2)]?.type === 'string';
    const next = typed[i + 1] ?? '';
    if (takesText(arg) && /^-[\d.]/.test(next)) return [`${arg}=${next}`];
    return /^-[\d.]/.test(arg) && takesText(typed[i - 1] ?? '') ? [] : [arg];
  });

/** The parser's words in one line, as ours. */
function usageMessage(message: string, name: string): string {
  const option = /^Option '(?:-\w, )?(--[\w-]+)/.exec(message)?.[1];
  if (/argument is ambiguous/.test(message))
    return `${option}: expected a value, got another option after it; give one, or ${option}=VALUE where it begins with a dash`;
  if (/argument missing/.test(message)) return `${option}: expected a value, got none; give one`;
  return `${message.split('. ')[0]}; see '${name} --help'`;
}

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
    const args = withNegatives(process.argv.slice(2), config.options);
    return parseArgs<T>({ ...config, args });
  } catch (error) {
    console.error(`${name}: ${usageMessage((error as Error).message, name)}`);
    process.exit(2);
  }
}
