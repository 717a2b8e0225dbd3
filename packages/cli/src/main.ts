#!/usr/bin/env node
import { runTyped } from './runTyped.ts';
import { serveTrainings, trainerCommand } from './sweep/trainer.ts';

const badInput = 2;

// A reader that closes early (`hbnn … | head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`hbnn: the result could not be printed: ${error.message}\n`);
  process.exit(badInput);
});

// As the repository's or a project's script, the command is started in that folder: paths are meant from where the user is.
const { npm_lifecycle_event: script, INIT_CWD: typedIn } = process.env;
if (script === 'hbnn' && typedIn !== undefined) process.chdir(typedIn);

const typed = process.argv.slice(2);
if (process.send !== undefined && typed[0] === trainerCommand) serveTrainings();
else await runTyped(typed);
