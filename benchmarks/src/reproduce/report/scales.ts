import { listText } from './listText.ts';
import type { StageReport } from './stageReport.ts';

/** A sentence about how numbers were made, with the command and the commit that made them. */
const madeBy = /^(.*) \((`[^`]+`), commit ([0-9a-f]{7})\)$/;

const distinctScales = (stage: StageReport): string[] => [
  ...new Set(stage.rows.flatMap(({ scale }) => scale ?? [])),
];

/** Commands that made numbers of a stage beside its trainings, each with all its commits. */
export function sources(stage: StageReport): (readonly [command: string, commits: string])[] {
  const commits = new Map<string, string[]>();
  for (const scale of distinctScales(stage)) {
    const [, , command, commit] = madeBy.exec(scale) ?? [];
    if (command !== undefined)
      commits.set(command, [...new Set([...(commits.get(command) ?? []), commit])]);
  }
  return [...commits].map(([command, all]) => [command, all.join(', ')]);
}

/** Scales of a stage's numbers in sentences, each once; trainings on the same images are put together. */
export function scales(stage: StageReport): string[] {
  const together = new Map<string, string[]>();
  for (const scale of new Set(distinctScales(stage).map((text) => text.replace(madeBy, '$1')))) {
    const [, images = scale, training] = /^(.*?images); (.*)$/.exec(scale) ?? [];
    const trainings = together.get(images) ?? [];
    together.set(images, training === undefined ? trainings : [...trainings, training]);
  }
  return [...together].flatMap(([images, trainings]) => [
    imagesText(images),
    ...trainingsText(trainings),
  ]);
}

/** The data sets that a report's networks were trained on, each once. */
export const dataSets = (stages: readonly StageReport[]): string[] => [
  ...new Set(
    stages
      .flatMap(distinctScales)
      .flatMap((scale) => /^(.*), [\d,]+ training images; /.exec(scale)?.[1] ?? []),
  ),
];

/** Images such as "CIFAR-10, 50,000 training images" in a sentence; another text as it is. */
function imagesText(images: string): string {
  const [, data, count] = /^(.*), ([\d,]+) training images$/.exec(images) ?? [];
  if (data === undefined) return `${images}.`;
  return `We train on the data set “${data}”, with ${count} training images.`;
}

/** Networks of the reports in plain words. */
const networkWords: Readonly<Record<string, string>> = {
  fcn4: 'small network of four convolutions',
  'alexnet-bn': 'reduced AlexNet-BN',
  mobilenet: 'reduced MobileNet',
  vgg8: 'reduced VGG-8',
};

/** Trainings such as "alexnet-bn, 39,601 parameters, 3,128 steps of 64 images", with networks of equal steps together. */
function trainingsText(trainings: readonly string[]): string[] {
  const parametersOf = new Map<string, number[]>();
  const networksOf = new Map<string, Set<string>>();
  const others: string[] = [];
  for (const training of trainings) {
    const [, network, parameters, steps] =
      /^(\S+), ([\d,]+) parameters, (.* steps of .*)$/.exec(training) ?? [];
    if (steps === undefined) {
      others.push(`${training}.`);
      continue;
    }
    const count = Number(parameters.replaceAll(',', ''));
    parametersOf.set(network, [...(parametersOf.get(network) ?? []), count]);
    networksOf.set(steps, (networksOf.get(steps) ?? new Set()).add(network));
  }
  const sizes = [...parametersOf].map(
    ([network, counts]) =>
      `Our ${networkWords[network] ?? 'network'} (\`${network}\`) has ${rangeText(counts)}.`,
  );
  const lengths = [...networksOf].map(([steps, networks]) => {
    const names = [...networks].map((network) => `\`${network}\``);
    return `Each training${networksOf.size > 1 ? ` of ${listText(names)}` : ''} takes ${steps}.`;
  });
  return [...sizes, ...lengths, ...others];
}

/** Such as "39,600 to 39,625 parameters, depending on the setting". */
function rangeText(counts: readonly number[]): string {
  const [low, high] = [Math.min(...counts), Math.max(...counts)].map((n) => n.toLocaleString('en'));
  return low === high
    ? `${low} parameters`
    : `${low} to ${high} parameters, depending on the setting`;
}
