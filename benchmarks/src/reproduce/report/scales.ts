import type { StageReport } from './stageReport.ts';

/** Texts that differ only in the commit at their end, put together with all their commits. */
function joinedCommits(texts: ReadonlySet<string>): string[] {
  const commits = new Map<string, string[]>();
  for (const text of texts) {
    const [, head = text, commit] = /^(.*), commit ([0-9a-f]{7})\)$/.exec(text) ?? [];
    const found = commits.get(head) ?? [];
    commits.set(head, commit === undefined ? found : [...found, commit]);
  }
  return [...commits].map(([head, found]) => {
    if (found.length === 0) return head;
    return `${head}, commit${found.length > 1 ? 's' : ''} ${found.join(' and ')})`;
  });
}

/** Scales of a stage's numbers, each once; trainings on the same images are put together. */
export function scales(stage: StageReport): string[] {
  const together = new Map<string, string[]>();
  for (const scale of joinedCommits(new Set(stage.rows.flatMap(({ scale }) => scale ?? [])))) {
    const [, images = scale, training] = /^(.*?images); (.*)$/.exec(scale) ?? [];
    const trainings = together.get(images) ?? [];
    together.set(images, training === undefined ? trainings : [...trainings, training]);
  }
  return [...together].map(([images, trainings]) =>
    trainings.length === 0 ? images : `${images}; ${joinedTrainings(trainings).join('; ')}`,
  );
}

/** Trainings such as "alexnet-bn, 39,601 parameters, 3,128 steps of 64 images", with networks of equal steps together. */
function joinedTrainings(trainings: readonly string[]): string[] {
  const bySteps = new Map<string, Map<string, number[]>>();
  const others: string[] = [];
  for (const training of trainings) {
    const [, network, parameters, steps] =
      /^(\S+), ([\d,]+) parameters, (.* steps of .*)$/.exec(training) ?? [];
    if (steps === undefined) {
      others.push(training);
      continue;
    }
    const networks = bySteps.get(steps) ?? new Map<string, number[]>();
    bySteps.set(steps, networks);
    const count = Number(parameters.replaceAll(',', ''));
    networks.set(network, [...(networks.get(network) ?? []), count]);
  }
  const joined = [...bySteps].map(([steps, networks]) => {
    const names = [...networks].map(
      ([network, counts]) => `${network} with ${rangeText(counts)} parameters`,
    );
    return `${names.join(' and ')}, ${names.length > 1 ? 'each ' : ''}trained for ${steps}`;
  });
  return [...joined, ...others];
}

/** Such as "39,600 to 39,625". */
function rangeText(counts: readonly number[]): string {
  const ends = [Math.min(...counts), Math.max(...counts)].map((n) => n.toLocaleString('en'));
  return [...new Set(ends)].join(' to ');
}
