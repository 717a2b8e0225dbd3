import type { RunConfigInput } from '@hbnn/train';

/** A setting of an experiment: a configuration but for the seed and where the data lie. */
export interface DesignSetting {
  readonly id: string;
  readonly config: Omit<RunConfigInput, 'seed' | 'from'>;
  /** The row of the paper's Table 1 that this setting is compared with. */
  readonly row?: number;
}

/** Two rows of the committed results whose paired differences tell how much differences vary. */
export interface PilotPair {
  readonly stage: string;
  readonly a: string;
  readonly b: string;
}

/** A claim to be decided: `a` above `b`, or both equal within the margin. */
export interface DesignClaim {
  readonly id: string;
  readonly claim: string;
  readonly test: 'above' | 'equal';
  /** Ids of settings. */
  readonly a: string;
  readonly b: string;
}

/** Settings that are trained together, seed by seed, and the claims they decide. */
export interface DesignPart {
  readonly name: string;
  readonly about: string;
  readonly settings: readonly DesignSetting[];
  readonly claims: readonly DesignClaim[];
}

/** An experiment before its seeds are counted. */
export interface Design {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  /** Settings shared by all trainings. */
  readonly common: Omit<RunConfigInput, 'seed' | 'from'>;
  readonly parts: readonly DesignPart[];
  /** The first seed; the others follow. The committed results, which told the spread, have other seeds. */
  readonly firstSeed: number;
  /** Seeds of each part that are trained before the next part begins. */
  readonly block: number;
  /** Seeds of each setting, where its claims need no more: as many as `block` where left out. */
  readonly seeds?: number;
  /** A study that tests no claims but estimates how gaps to float depend on width and length. */
  readonly study?: 'scale';
}

/** The networks of most experiments. */
export const networks = [
  { id: 'alexnet', network: 'alexnet-bn', name: 'AlexNet-BN' },
  { id: 'mobilenet', network: 'mobilenet', name: 'MobileNet' },
] as const;

export type Network = (typeof networks)[number];

/** A network with some bits of weights and inputs. */
export const bits = (
  { id, network }: Network,
  weights: string,
  inputs = 'float',
): DesignSetting => ({
  id: `${id} ${weights}/${inputs}`,
  config: { network, weights, inputs },
});

/** CIFAR-10 with augmentation, as most experiments train on it. */
export const augmented = {
  data: 'cifar10',
  batch: 64,
  schedule: 'cosine',
  learningRate: 0.1,
  augment: { crop: 4, flip: true },
} as const;
