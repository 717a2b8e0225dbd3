import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawSvg } from '@hbnn/cli/drawing';
import { forgetManifest, readMadeManifest, writeMadeManifest } from '@hbnn/cli/madeManifest';
import { HbnnError } from '@hbnn/core';
import { makeFolder, writeWhole } from '@hbnn/train/files';
import { equivalenceMargin } from '../claims.ts';
import type { Claim } from '../stage.ts';
import { namedSvg } from './figureSvg.ts';
import { html } from './html.ts';
import { forestTitle, markdown } from './markdown.ts';
import { withFigures, withoutDrawn } from './stageFigures.ts';
import type { Report, StageReport, StageTrainings } from './stageReport.ts';
import { claimsForest, numbersCsv } from './summary.ts';

/** What the report is about, as Markdown. */
const about = [
  'This report repeats the experiments of the paper “Heterogeneous Bitwidth Binarization in Convolutional Neural ' +
    'Networks” (Fromm, Patel, Philipose, NeurIPS 2018), called the HBNN paper.',
  [
    'Our networks are smaller than those of the HBNN paper, and our trainings are shorter. Most of our experiments ' +
      'use other images than the HBNN paper.',
    'So the accuracies of our networks cannot be compared with those in the HBNN paper. Only differences in accuracy ' +
      'between two settings, such as 1.4 and 2 bits, can be compared with the HBNN paper.',
    'Weights of **1.4 bits** have 1.4 bits on average: most weights have 1 bit, and the others have 2 or 3 bits.',
    'The setting **1.4/1.4** means 1.4 bits on average for the inputs of the layers and for the weights.',
    '**Middle-out**, **bottom-up**, **top-down** and **random** are names of rules that choose which ' +
      'weights get more bits.',
  ]
    .map((line) => `- ${line}`)
    .join('\n'),
].join('\n\n');

/** How claims are judged, as Markdown: what is said of verdicts and of own claims is there if a report has such. */
const rulesOf = (claims: readonly Claim[]): string =>
  [
    'Most claims compare the accuracies of two settings, such as 1.4 and 2 bits, trained with the same seeds. ' +
      'An interval in the table of claims is the confidence interval of the difference in accuracy, in percentage ' +
      'points.',
    [
      '**A is above B** means that setting A is more accurate than setting B. A claim “A is above B” holds if the 95 % ' +
        'confidence interval of the accuracy of A minus that of B lies above 0. A claim “A is above B” does not hold ' +
        'if the 95 % confidence interval of the accuracy of A minus that of B lies below 0. Claims “A is above B” are ' +
        'tested by a paired t test.',
      '**A equals B** means that the accuracies of the settings A and B differ by less than ' +
        `${equivalenceMargin} point. A claim “A equals B” holds if the 90 % confidence interval of the difference in ` +
        `accuracy lies within ±${equivalenceMargin} point. A claim “A equals B” does not hold if the 90 % confidence ` +
        `interval of the difference in accuracy lies wholly outside ±${equivalenceMargin} point. Claims “A equals B” ` +
        'are tested by two one-sided t tests.',
      ...(claims.some(({ verdict }) => verdict === 'above' || verdict === 'below')
        ? [
            'The verdict **above** or **below** on a claim “A equals B” means that the accuracies of A and B differ. With ' +
              'the verdict “above” or “below”, a claim “A equals B” may still be true, because a difference of less than ' +
              `${equivalenceMargin} point counts as equal.`,
          ]
        : []),
      '**Undecided** means that more seeds are needed to confirm or to refute the claim.',
    ]
      .map((line) => `- ${line}`)
      .join('\n'),
    ...(claims.some(({ id }) => id.startsWith('q'))
      ? [
          'Claims whose names begin with “q” are our own. Claims whose names do not begin with “q” are the HBNN paper’s.',
        ]
      : []),
    'Each verdict comes from a test of one claim alone, without a correction for the number of tests. In the table of ' +
      'claims, the p value in brackets is corrected for the number of tests by Holm’s method.',
  ].join('\n\n');

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
  finished: readonly StageReport[],
  trainings: Readonly<Record<string, StageTrainings>>,
): Promise<void> {
  const stages = finished.map(withFigures);
  const claims = stages.flatMap((stage) => stage.claims);
  const report: Report = { profile, about, rules: rulesOf(claims), stages };
  makeReportFolder(folder);
  forgetManifest(folder);
  const files: Record<string, string> = {};
  const write = (name: string, text: string): void => {
    writeWhole(join(folder, name), text);
    files[name] = text;
  };
  const svgs = new Map<string, string>();
  const draw = async (file: string, title: string, spec: object | undefined): Promise<void> => {
    if (spec === undefined) return;
    const svg = namedSvg(await drawSvg(spec), title);
    svgs.set(file, svg);
    write(`figures/${file}.svg`, `${svg}\n`);
  };
  for (const { file, title, spec, narrow } of stages.flatMap(({ plots }) => plots)) {
    await draw(file, title, spec);
    await draw(`${file}-narrow`, title, narrow);
  }
  const forest = claimsForest(report);
  await draw('claims', forestTitle, forest?.spec);
  await draw('claims-narrow', forestTitle, forest?.narrow);
  write('results.csv', numbersCsv(report));
  const numbers: Report = { ...report, stages: finished.map(withoutDrawn) };
  write('results.json', `${JSON.stringify(numbers, null, 1)}\n`);
  write('report.md', markdown(report, forest !== undefined));
  write('report.html', html(report, svgs));
  writeMadeManifest(folder, { profile, stages: trainings }, files);
}
