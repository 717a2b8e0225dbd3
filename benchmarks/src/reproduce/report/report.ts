import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawSvg } from '@hbnn/cli/drawing';
import { forgetManifest, readMadeManifest, writeMadeManifest } from '@hbnn/cli/madeManifest';
import { HbnnError } from '@hbnn/core';
import { makeFolder, writeWhole } from '@hbnn/train/files';
import { equivalenceMargin } from '../claims.ts';
import { html } from './html.ts';
import { markdown } from './markdown.ts';
import type { Report, StageReport, StageTrainings } from './stageReport.ts';
import { claimsForest, numbersCsv } from './summary.ts';

const about =
  'This report repeats the experiments of “Heterogeneous Bitwidth Binarization in Convolutional Neural Networks” ' +
  '(Fromm, Patel, Philipose, NeurIPS 2018). Our networks are smaller than the paper’s, our trainings are shorter, ' +
  'and most of our data are not the paper’s. Our differences between settings can be compared with the paper’s, ' +
  'but our accuracies cannot. “1.4 bits” is an average: 70 % of the weights have 1 bit, 20 % have 2 and 10 % have ' +
  '3. The text “1.4/1.4” means 1.4 bits for the inputs of the layers and for the weights. Middle-out, bottom-up, ' +
  'top-down and random are rules that choose which weights get more bits.';

const rules =
  'Most claims compare two settings that were trained with the same seeds. The claim “A is above B” holds if the ' +
  '95 % interval of the accuracy of A minus that of B lies above 0, and does not hold if this interval lies below ' +
  '0 (paired t test). The claim “A equals B” holds if the 90 % interval of their difference lies within ' +
  `±${equivalenceMargin} point, and does not hold if the interval lies wholly outside ±${equivalenceMargin} point ` +
  `(two one-sided t tests). If the 90 % interval of a claim “A equals B” reaches beyond ±${equivalenceMargin} ` +
  'point but does not contain 0, the verdict on the claim is “above” or “below”. Claims that no test decides are ' +
  '“undecided” and need more seeds. The verdict on a claim comes from a test of this claim alone. In the table of ' +
  'claims, the p value in brackets is corrected for the number of tests by Holm’s method.';

/** The results of a folder so far; a stage run anew takes the place of its older result. */
export function storedStages(folder: string): StageReport[] {
  const file = join(folder, 'results.json');
  if (!existsSync(file)) return [];
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as Report).stages.slice();
  } catch (error) {
    throw new HbnnError(
      `${file}: is not JSON (${(error as Error).message}); delete it to start anew`,
    );
  }
}

function makeReportFolder(folder: string): void {
  try {
    makeFolder(join(folder, 'figures'));
  } catch (error) {
    throw new HbnnError(
      `${folder}: could not be made (${(error as Error).message}); choose another folder`,
    );
  }
}

/** The trainings of a folder's stages so far, as its manifest has them; none where it has no manifest. */
export function storedTrainings(folder: string): Readonly<Record<string, StageTrainings>> {
  if (!existsSync(join(folder, 'manifest.json'))) return {};
  const { from } = readMadeManifest(folder, 'pnpm bench:reproduce');
  return (from.stages ?? {}) as Record<string, StageTrainings>;
}

/**
 * Write results.json, report.md, report.html and the pictures, and a manifest for hbnn verify-results.
 *
 * @param trainings of the stages, by name
 */
export async function writeReport(
  folder: string,
  profile: string,
  stages: readonly StageReport[],
  trainings: Readonly<Record<string, StageTrainings>>,
): Promise<void> {
  const report: Report = { profile, about, rules, stages };
  makeReportFolder(folder);
  forgetManifest(folder);
  const files: Record<string, string> = {};
  const write = (name: string, text: string): void => {
    writeWhole(join(folder, name), text);
    files[name] = text;
  };
  const svgs = new Map<string, string>();
  const draw = async (file: string, spec: object | undefined): Promise<void> => {
    if (spec === undefined) return;
    const svg = await drawSvg(spec);
    svgs.set(file, svg);
    write(`figures/${file}.svg`, `${svg}\n`);
  };
  for (const { file, spec, narrow } of stages.flatMap(({ plots }) => plots)) {
    await draw(file, spec);
    await draw(`${file}-narrow`, narrow);
  }
  const forest = claimsForest(report);
  await draw('claims', forest);
  write('results.csv', numbersCsv(report));
  write('results.json', `${JSON.stringify(report, null, 1)}\n`);
  write('report.md', markdown(report, forest !== undefined));
  write('report.html', html(report, svgs));
  writeMadeManifest(folder, { profile, stages: trainings }, files);
}
