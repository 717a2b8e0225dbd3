import { Interruption } from './interruption.ts';
import { program } from './program.ts';
import { reportError } from './report.ts';

const asksVersion = ['-v', '-V', '--version'];

/**
 * Do what was typed behind `hbnn`, and report what goes wrong; the exit code is left in `process.exitCode`. An
 * interruption ends the process.
 *
 * @param typed the words of the command line
 */
export async function runTyped(typed: readonly string[]): Promise<void> {
  const args = typed.map((arg, i) => (i === 0 && asksVersion.includes(arg) ? 'version' : arg));
  try {
    await program().parseAsync(args, { from: 'user' });
  } catch (error) {
    const report = (): number => reportError(error, 'hbnn', typed.includes('--json'));
    if (error instanceof Interruption) {
      // What was given up may still have threads and timers, and a bar that ends its line as the process exits.
      process.once('exit', report);
      process.exit(error.exitCode);
    }
    process.exitCode = report();
  }
}
