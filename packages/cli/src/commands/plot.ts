import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { writeWhole } from '@hbnn/train/files';
import { Command } from 'commander';
import { isFineTuned } from '../fineTuned.ts';
import { hbnnLine } from '../nextSteps.ts';
import { printResult, quietFlag } from '../output.ts';
import { checkRunFolder } from '../pathKind.ts';

interface Options {
  run: string[];
  out: string;
  json?: boolean;
}

export function plotCommand(): Command {
  return new Command('plot')
    .description('draw the curves of trainings: loss, accuracy and learning rate over the steps')
    .requiredOption(
      '--run <folder>',
      'run folder of hbnn train; repeat the flag for each further run',
      (folder: string, before: string[] = []) => [...before, folder],
    )
    .requiredOption(
      '--out <file>',
      'the page to write; it is one file and needs no internet connection',
    )
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      '\nExample (after the example of hbnn train):\n  hbnn plot --run runs/first --out first.html',
    )
    .action((o: Options) => run(o));
}

async function run(o: Options): Promise<void> {
  for (const folder of o.run) checkRunFolder(folder, 'give the run that it was lowered from');
  if (!/\.html?$/i.test(o.out))
    throw new HbnnError(
      `--out: expected a page's name, which ends in .html, got '${o.out}'; write it as ${o.out.replace(/\.[^./\\]*$/, '')}.html`,
    );
  for (const folder of o.run) {
    if (isFineTuned(folder))
      throw new HbnnError(
        `--run: expected a run folder of 'hbnn train', got ${folder} of hbnn fine-tune or hbnn quantize, which keep no curves; give a run of hbnn train`,
      );
    if (!existsSync(join(folder, 'metrics.jsonl')))
      throw new HbnnError(
        `${folder}: expected a run that has begun, with metrics.jsonl, found none; continue it with '${hbnnLine('train', '--out', folder, '--resume')}'`,
      );
  }
  // The drawing library takes a while to load: only this command needs it.
  const [{ readMetrics, readTestAccuracy }, { curvesPage }] = await Promise.all([
    import('@hbnn/train/metrics'),
    import('../curves.ts'),
  ]);
  const runs = [...new Set(o.run)].map((name) => ({
    name,
    lines: readMetrics(name),
    testAccuracy: readTestAccuracy(name),
  }));
  const empty = runs.find(({ lines }) => lines.length === 0);
  if (empty !== undefined) {
    throw new HbnnError(
      `${empty.name}: its metrics.jsonl has no line yet; wait for the first steps`,
    );
  }
  const page = await curvesPage(runs);
  writeWhole(o.out, page);
  const points = runs.reduce((sum, { lines }) => sum + lines.length, 0);
  printResult({ page: o.out, runs: runs.length, points }, o.json);
}
