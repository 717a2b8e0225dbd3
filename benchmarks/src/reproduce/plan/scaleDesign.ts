import { augmented, bits, type Design, type DesignSetting, networks } from './design.ts';

/** What the channels of the networks are multiplied by, and the lengths of their trainings. */
const widths = [0.5, 1, 2];
const epochs = [2, 4, 8];

/** Bits of weights and inputs: what the others are compared with comes first. */
const precisions = [
  ['float', 'float'],
  ['1', 'float'],
  ['1.4', 'float'],
  ['2', 'float'],
  ['1', '1'],
  ['1.4', '1.4'],
  ['2', '2'],
] as const;

/** The smallest comes first: trainings of a network cost about width² · epochs. */
const sizes = widths.flatMap((widthMultiplier) =>
  epochs.map((count) => ({ widthMultiplier, epochs: count })),
);

const settings = sizes.flatMap((size) =>
  networks.flatMap((network) =>
    precisions.map(([weights, inputs]): DesignSetting => {
      const { id, config } = bits(network, weights, inputs);
      return {
        id: `${id}, ${size.widthMultiplier} × the channels, ${size.epochs} epochs`,
        config: { ...config, ...size },
      };
    }),
  ),
);

/** How the gaps to float move with the width of a network and the length of its training. */
export const scale: Design = {
  name: 'scale',
  title: 'How the gaps to float move with scale',
  about:
    'Small versions of AlexNet-BN and MobileNet are trained on CIFAR-10 for 2, 4 and 8 epochs. Each network is ' +
    'trained with its usual number of channels, with half as many and with twice as many. The experiment called ' +
    '`scale` uses the data and options of the experiment called `cifar`, but other seeds. The experiment called ' +
    '`scale` estimates the accuracy gap between networks with binarized weights and networks with float weights. ' +
    'The experiment called `scale` tests no claims.',
  common: augmented,
  parts: [
    {
      name: 'scale',
      about:
        'In some trainings, the weights have 1, 1.4 or 2 bits, and the inputs of the layers are float. In other ' +
        'trainings, the weights and the inputs of the layers both have 1, 1.4 or 2 bits. For comparison, networks ' +
        'with float weights and float layer inputs are trained too. For each seed, the narrowest networks are ' +
        'trained first. Among networks of equal width, the shortest trainings are done first.',
      settings,
      claims: [],
    },
  ],
  firstSeed: 401,
  block: 1,
  seeds: 3,
  study: 'scale',
};
