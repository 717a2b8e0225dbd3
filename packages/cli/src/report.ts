import { HbnnError } from '@hbnn/core';
import { CommanderError } from 'commander';
import { Interruption } from './interruption.ts';
import { printable } from './output.ts';
import { UsageError } from './usageError.ts';

const badInput = 2;
const bug = 1;

interface Report {
  readonly exitCode: number;
  /** One line of what happened. */
  readonly message: string;
  /** Lines after it, for people. */
  readonly details?: string;
  /** Fields beside `error` in JSON. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Quoted bytes that are no text tell nobody anything. */
const withoutJunk = (text: string): string =>
  text
    .replace(/\(Unexpected token .*\ufffd.* is not valid JSON\)/s, '(its bytes are no text)')
    .replaceAll(/(['"])(?:(?!\1).)*\ufffd(?:(?!\1).)*\1/gs, 'bytes that are no text');

const [maxMessage, keptEnd] = [1500, 400];

/** What was typed, and what is in files, can be long and have bytes that a terminal obeys. */
function oneLine(text: string): string {
  const line = printable(withoutJunk(text).replaceAll('\n', ' '));
  if (line.length <= maxMessage) return line;
  return `${line.slice(0, maxMessage - keptEnd)} … ${line.slice(-keptEnd)}`;
}

/** The parser's words, as ours: `unknown option '--colour'; did you mean '--color'?` */
function usageMessage(error: CommanderError, name: string): string {
  const text = oneLine(error.message.replace(/^error: /, '')).replace(
    /\s*\(Did you mean (?:one of )?(.*)\?\)/,
    (_, names: string) => `; did you mean '${names.replaceAll(', ', "' or '")}'?`,
  );
  const where = error instanceof UsageError ? error.usedCommand : name;
  return `${text}; see '${where} --help'`;
}

function reportOf(error: unknown, name: string): Report {
  if (error instanceof Interruption) {
    const { exitCode, message, resume, kept, signal } = error;
    const keptLine = kept === undefined ? '' : `Kept: ${kept}\n`;
    const resumeLines = resume === undefined ? '' : `Continue with:\n  ${resume}\n`;
    return { exitCode, message, details: keptLine + resumeLines, more: { signal, kept, resume } };
  }
  if (error instanceof CommanderError)
    return { exitCode: badInput, message: usageMessage(error, name) };
  if (error instanceof HbnnError) return { exitCode: badInput, message: oneLine(error.message) };
  const { message, stack } = error as Error;
  return {
    exitCode: bug,
    message: `fault in ${name} itself, please report it: ${oneLine(message)}`,
    details: `${stack}\n`,
  };
}

/**
 * Say why a command ended before its end: on stderr, and with `json` as an object on stdout too.
 *
 * @param name what the line begins with
 * @returns the exit code
 */
export function reportError(error: unknown, name: string, json: boolean): number {
  if (error instanceof CommanderError && (error.exitCode === 0 || error.code === 'commander.help'))
    return 0;
  const { exitCode, message, details, more } = reportOf(error, name);
  if (json) process.stdout.write(`${JSON.stringify({ error: message, ...more })}\n`);
  const colors = process.stderr.isTTY && process.stderr.hasColors();
  const head = colors ? `\u001b[31m${name}:\u001b[39m` : `${name}:`;
  process.stderr.write(`${head} ${message}\n${details ?? ''}`);
  return exitCode;
}
