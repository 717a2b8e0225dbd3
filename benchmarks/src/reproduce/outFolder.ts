import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HbnnError } from '@hbnn/core';
import type { ProfileName } from './profile.ts';

/** What decides where a report goes; options as typed. */
interface OutOptions {
  readonly out?: string;
  /** Write over the results that are part of the repository. */
  readonly committed?: boolean;
  readonly seeds?: string;
  readonly epochs?: string;
  readonly maxSteps?: string;
  readonly batch?: string;
}

/**
 * Choose the folder of a report. A user's own results go below `results/own`, which git ignores; those of the
 * repository are written over only with `committed`. `why` says in a line where a report goes unasked.
 *
 * @throws HbnnError when the committed results of a profile would be replaced by those of a changed one
 */
export function outFolder(
  { out, committed, seeds, epochs, maxSteps, batch }: OutOptions,
  profile: ProfileName,
): { folder: string; why?: string } {
  if (out !== undefined) return { folder: resolve(out) };
  const changed = Object.entries({ seeds, epochs, 'max-steps': maxSteps, batch })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => `--${name}`);
  const results = (name: string): string =>
    fileURLToPath(new URL(`../../results/${name}`, import.meta.url));
  if (committed) {
    if (changed.length === 0) return { folder: results(profile) };
    throw new HbnnError(
      `--committed: expected the whole profile, got ${changed.join(', ')}; leave out either`,
    );
  }
  const folder = results(`own/${profile}${changed.length > 0 ? '-custom' : ''}`);
  const why =
    `the report goes to ${relative(process.cwd(), folder)}; --committed writes over the results of the ` +
    'repository, --out chooses another folder';
  return { folder, why };
}
