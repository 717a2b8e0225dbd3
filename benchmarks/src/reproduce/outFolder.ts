import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProfileName } from './profile.ts';

/** What decides where a report goes; options as typed. */
interface OutOptions {
  readonly out?: string;
  readonly seeds?: string;
  readonly epochs?: string;
  readonly maxSteps?: string;
  readonly batch?: string;
}

/**
 * Choose the folder of a report. Results of a changed profile do not take the place of the whole
 * profile's, which are committed; `why` says so in a line.
 */
export function outFolder(
  { out, seeds, epochs, maxSteps, batch }: OutOptions,
  profile: ProfileName,
): { folder: string; why?: string } {
  if (out !== undefined) return { folder: resolve(out) };
  const changed = Object.entries({ seeds, epochs, 'max-steps': maxSteps, batch })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => `--${name}`);
  const results = (name: string): string =>
    fileURLToPath(new URL(`../results/${name}`, import.meta.url));
  if (changed.length === 0) return { folder: results(profile) };
  const folder = results(`${profile}-custom`);
  const why =
    `${changed.join(', ')}: not the whole profile, so the report goes to ` +
    `${relative(process.cwd(), folder)}; --out chooses another folder`;
  return { folder, why };
}
