import type { NetworkName, RunConfigInput } from '@hbnn/train';

export const profileNames = ['quick', 'cifar10', 'imagenet'] as const;
export type ProfileName = (typeof profileNames)[number];

type Common = Omit<RunConfigInput, 'seed' | 'network' | 'weights' | 'inputs'>;

/** At which scale the paper's experiments are run. */
export interface Profile {
  readonly name: ProfileName;
  readonly data: string;
  /** Settings of every training. */
  readonly common: Common;
  /** Network of figures 2b and 3b and of the mix comparison, with its own settings. */
  readonly figureNetwork: { readonly network: NetworkName } & Common;
  /** Network of figure 3a, the layer-level baseline on small images, and its layers' weight counts. */
  readonly layerLevel?: {
    readonly network: { readonly network: NetworkName } & Common;
    readonly weights: readonly number[];
  };
  readonly alexNet: { readonly network: NetworkName } & Common;
  readonly mobileNet: { readonly network: NetworkName } & Common;
  /** Table 2's VGG-8, which needs images of 32 × 32. */
  readonly vgg8?: { readonly network: NetworkName } & Common;
  /** Seeds of the settings that decide a claim, and of the others; paired across settings. */
  readonly deciding: readonly number[];
  readonly others: readonly number[];
  /** Seeds of the layer-level mixes that decide none. */
  readonly layerOthers: readonly number[];
  /** Seeds of Table 1's rows that decide a claim, and of the others. */
  readonly tableDeciding: readonly number[];
  readonly tableOthers: readonly number[];
  /** Table 1's rows of other papers that are trained, with the seeds of `tableOthers`; `all`: later methods too. */
  readonly methodRows: 'all' | readonly number[];
  /** Seeds of the settings beyond the paper. */
  readonly variantSeeds: readonly number[];
  /** Whether the stages beyond the paper run without being asked for. */
  readonly beyondPaper: boolean;
}

/** What the command line may change. */
export interface ProfileOptions {
  readonly from?: string;
  readonly seeds?: number;
  readonly epochs?: number;
  readonly maxSteps?: number;
  readonly batch?: number;
}

const fcn4Weights = (widths: readonly number[], channels: number, classes: number): number[] =>
  [...widths, classes].map((out, i) => 9 * out * (i === 0 ? channels : widths[i - 1]));

function quick(): Profile {
  // Network and budget of the smallest setting where 1-bit weights visibly lose accuracy.
  const fcn4 = { network: 'fcn4', widths: [6, 8, 8], pools: [0, 1, 2] } as const;
  return {
    name: 'quick',
    data: 'fashion-mnist-subset',
    common: { data: 'fashion-mnist-subset', batch: 64, learningRate: 0.2, schedule: 'cosine' },
    figureNetwork: { ...fcn4, widths: [...fcn4.widths], pools: [...fcn4.pools], epochs: 4 },
    layerLevel: {
      network: { ...fcn4, widths: [...fcn4.widths], pools: [...fcn4.pools], epochs: 4 },
      weights: fcn4Weights(fcn4.widths, 1, 10),
    },
    alexNet: { network: 'alexnet-bn', epochs: 2, learningRate: 0.1 },
    mobileNet: { network: 'mobilenet', epochs: 2, learningRate: 0.1 },
    deciding: [11, 12, 13, 14],
    others: [11, 12],
    layerOthers: [11],
    tableDeciding: [11, 12, 13],
    tableOthers: [11],
    methodRows: [4, 8],
    variantSeeds: [11, 12, 13],
    beyondPaper: false,
  };
}

function cifar10(): Profile {
  const epochs = 4;
  // Narrow enough that 1-bit weights lose about 4 points to 2-bit ones, and small enough that the whole
  // profile, about 25 million images, takes two cores about two hours.
  const widths = [12, 16, 24];
  const fcn4 = { network: 'fcn4', widths, pools: [0, 1, 2], epochs } as const;
  return {
    name: 'cifar10',
    data: 'cifar10',
    common: { data: 'cifar10', batch: 64, schedule: 'cosine', learningRate: 0.1 },
    figureNetwork: { network: 'alexnet-bn', epochs },
    layerLevel: {
      network: { ...fcn4, widths: [...widths], pools: [...fcn4.pools] },
      weights: fcn4Weights(widths, 3, 10),
    },
    alexNet: { network: 'alexnet-bn', epochs },
    mobileNet: { network: 'mobilenet', epochs },
    vgg8: { network: 'vgg8', epochs },
    deciding: [1, 2, 3],
    others: [1],
    layerOthers: [1],
    tableDeciding: [1, 2, 3],
    tableOthers: [1],
    methodRows: 'all',
    variantSeeds: [1, 2, 3],
    beyondPaper: true,
  };
}

function imagenet(): Profile {
  // The paper's §4.1: SGD, learning rate 0.01, momentum 0.9, weight decay 1e-4, 90 epochs.
  const full = { epochs: 90, learningRate: 0.01, size: 224 };
  return {
    name: 'imagenet',
    data: 'folder',
    common: { data: 'folder', batch: 32, schedule: 'steps' },
    figureNetwork: { network: 'alexnet-bn-full', ...full },
    alexNet: { network: 'alexnet-bn-full', ...full },
    // Its many wide feature maps fill the WASM heap at 32 images.
    mobileNet: { network: 'mobilenet-full', ...full, batch: 16 },
    deciding: [1],
    others: [1],
    layerOthers: [1],
    tableDeciding: [1],
    tableOthers: [1],
    methodRows: 'all',
    variantSeeds: [1],
    beyondPaper: false,
  };
}

const profiles: Readonly<Record<ProfileName, () => Profile>> = { quick, cifar10, imagenet };

/** A profile with the command line's changes. */
export function openProfile(name: ProfileName, o: ProfileOptions): Profile {
  const profile = profiles[name]();
  const seeds = o.seeds;
  const first = (list: readonly number[]): readonly number[] =>
    seeds === undefined ? list : Array.from({ length: seeds }, (_, i) => list[0] + i);
  const change: Common = {
    ...(o.epochs !== undefined && { epochs: o.epochs }),
    ...(o.batch !== undefined && { batch: o.batch }),
    ...(o.maxSteps !== undefined && { maxSteps: o.maxSteps }),
  };
  return {
    ...profile,
    common: { ...profile.common, ...(o.from !== undefined && { from: o.from }) },
    figureNetwork: { ...profile.figureNetwork, ...change },
    layerLevel: profile.layerLevel && {
      ...profile.layerLevel,
      network: { ...profile.layerLevel.network, ...change },
    },
    alexNet: { ...profile.alexNet, ...change },
    mobileNet: { ...profile.mobileNet, ...change },
    vgg8: profile.vgg8 && { ...profile.vgg8, ...change },
    deciding: first(profile.deciding),
    others: first(profile.others),
    layerOthers: first(profile.layerOthers),
    tableDeciding: first(profile.tableDeciding),
    tableOthers: first(profile.tableOthers),
    variantSeeds: first(profile.variantSeeds),
  };
}
