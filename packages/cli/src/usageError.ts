import { CommanderError } from 'commander';

/** A command was used in a way that it does not know. */
export class UsageError extends CommanderError {
  /** The command whose help says what it knows, as typed: `hbnn train`. */
  readonly usedCommand: string;

  constructor(error: Pick<CommanderError, 'exitCode' | 'code' | 'message'>, usedCommand: string) {
    super(error.exitCode, error.code, error.message);
    this.usedCommand = usedCommand;
  }
}
