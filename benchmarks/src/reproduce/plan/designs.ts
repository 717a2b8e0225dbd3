import type { RunConfigInput } from '@hbnn/train';
import {
  augmented,
  bits,
  type Design,
  type DesignClaim,
  type DesignPart,
  type DesignSetting,
  type Network,
  networks,
  type PilotPair,
} from './design.ts';
import { scale } from './scaleDesign.ts';

type Select = NonNullable<RunConfigInput['select']>;

const ruled = (of: Network, select: Select): DesignSetting => ({
  id: `${of.id} 1.4/float ${select}`,
  config: { network: of.network, weights: '1.4', inputs: 'float', select },
});

const centralAbout = (name: string): string =>
  `In the part called **${name}**, the inputs of the layers stay float, and the weights have 2 bits or 1.4 bits on ` +
  'average. For 1.4 bits on average, either the rule middle-out or the rule optimal chooses which weights get more ' +
  'bits. The rule optimal gives the weights the smallest approximation error.';

/** The two questions that the paper's sentence stands on: does 1.4 equal 2, and does middle-out choose well? */
const central: DesignPart = {
  name: 'central',
  about: centralAbout('central'),
  settings: networks.flatMap((of) => [bits(of, '1.4'), bits(of, '2'), ruled(of, 'optimal')]),
  claims: networks.flatMap((of): DesignClaim[] => [
    {
      id: `${of.id}-1.4-is-2`,
      claim: `${of.name}, weights: 1.4 bits by middle-out equal 2 bits`,
      test: 'equal',
      a: `${of.id} 1.4/float`,
      b: `${of.id} 2/float`,
    },
    {
      id: `${of.id}-optimal`,
      claim: `${of.name}, weights: at 1.4 bits the rule optimal is above middle-out`,
      test: 'above',
      a: `${of.id} 1.4/float optimal`,
      b: `${of.id} 1.4/float`,
    },
  ]),
};

const withInputs: DesignPart = {
  name: 'with-inputs',
  about:
    'In the part of the experiment called **with-inputs**, the weights of a network and the inputs of its layers ' +
    'have equal numbers of bits: both have 1.4 bits on average, both have 2 bits, or both have 1 bit. For each ' +
    'image, the network chooses anew how many bits each layer input gets.',
  settings: networks.flatMap((of) => [
    bits(of, '1.4', '1.4'),
    bits(of, '2', '2'),
    bits(of, '1', '1'),
  ]),
  claims: networks.flatMap((of): DesignClaim[] => [
    {
      id: `${of.id}-1.4-is-2-inputs`,
      claim: `${of.name}, weights and inputs: 1.4/1.4 bits equal 2/2`,
      test: 'equal',
      a: `${of.id} 1.4/1.4`,
      b: `${of.id} 2/2`,
    },
    {
      id: `${of.id}-above-1-inputs`,
      claim: `${of.name}, weights and inputs: 1.4/1.4 bits are above 1/1`,
      test: 'above',
      a: `${of.id} 1.4/1.4`,
      b: `${of.id} 1/1`,
    },
  ]),
};

const otherRules = ['bottom-up', 'top-down', 'random'] as const;

const rules: DesignPart = {
  name: 'rules',
  about:
    'In the part of the experiment called **rules**, the inputs of the layers stay float, and the weights have 1 ' +
    'bit, have 1.4 bits on average, or stay float. For 1.4 bits on average, the rule bottom-up, top-down or random ' +
    'chooses which weights get more bits. The part called **rules** compares the rules bottom-up, top-down and ' +
    'random with the HBNN paper’s rule, middle-out. Weights of 1.4 bits on average, whose bits the rule middle-out ' +
    'chose, are also compared with 1-bit weights.',
  settings: networks.flatMap((of) => [
    bits(of, '1'),
    bits(of, 'float'),
    ...otherRules.map((select) => ruled(of, select)),
  ]),
  claims: networks.flatMap((of): DesignClaim[] => [
    {
      id: `${of.id}-above-1`,
      claim: `${of.name}, weights: 1.4 bits by middle-out are above 1 bit`,
      test: 'above',
      a: `${of.id} 1.4/float`,
      b: `${of.id} 1/float`,
    },
    ...otherRules.map(
      (select): DesignClaim => ({
        id: `${of.id}-above-${select}`,
        claim: `${of.name}, weights: at 1.4 bits middle-out is above ${select}`,
        test: 'above',
        a: `${of.id} 1.4/float`,
        b: `${of.id} 1.4/float ${select}`,
      }),
    ),
  ]),
};

const of = (network: Network, name: string, config: DesignSetting['config']): DesignSetting => ({
  id: `${network.id} ${name}`,
  config: { network: network.network, inputs: 'float', ...config },
});

/** Rules that may choose better than middle-out, each weight by itself. */
const candidates = [
  {
    name: '1.4/float optimal',
    says: 'the rule optimal',
    config: { select: 'optimal' },
  },
  {
    name: '1.4/float gain 0',
    says: 'gain with 0 to 3 bits',
    config: { select: 'gain', minBits: 0 },
  },
  {
    name: '1.4/float curvature',
    says: 'curvature with 1 to 3 bits',
    config: { select: 'curvature' },
  },
  {
    name: '1.4/float curvature 0',
    says: 'curvature with 0 to 3 bits',
    config: { select: 'curvature', minBits: 0 },
  },
] as const;

const better: DesignPart = {
  name: 'better',
  about:
    'In the part called **better**, the inputs of the layers stay float, and the weights have 2 bits or 1.4 bits ' +
    'on average. For 1.4 bits on average, the rule middle-out or another rule chooses which weights get more bits.',
  settings: networks.flatMap((network) => [
    bits(network, '1.4'),
    ...candidates.map(({ name, config }) => of(network, name, { weights: '1.4', ...config })),
    bits(network, '2'),
  ]),
  claims: networks.flatMap((network) => [
    ...candidates.map(
      ({ name, says }): DesignClaim => ({
        id: `${network.id}-${name.replace('1.4/float ', '').replace(' ', '-')}`,
        claim: `${network.name}: at 1.4 bits ${says} is above middle-out`,
        test: 'above',
        a: `${network.id} ${name}`,
        b: `${network.id} 1.4/float`,
      }),
    ),
    {
      id: `${network.id}-curvature-0-above-2`,
      claim: `${network.name}: 1.4 bits by curvature with 0 to 3 bits are above 2 bits`,
      test: 'above',
      a: `${network.id} 1.4/float curvature 0`,
      b: `${network.id} 2/float`,
    },
  ]),
};

const buildable: DesignPart = {
  name: 'buildable',
  about:
    'In the part called **buildable**, the inputs of the layers stay float, and the weights have 1.4 bits on ' +
    'average by the rule middle-out. The part called **buildable** tries two kinds of bit maps (the numbers of ' +
    'bits of all weights), for circuits that reuse a few units. In a bit map called “per position”, the weights of ' +
    'all outputs at a kernel position and input channel have the same number of bits. In a bit map called ' +
    '“balanced”, all groups of 10 weights have the same mix of 1-bit, 2-bit and 3-bit weights. For comparison, ' +
    'networks are also trained in which each weight may have a number of bits of its own.',
  settings: networks.flatMap((network) => [
    of(network, '1.4/float balanced 10', { weights: '1.4', balance: 10 }),
    of(network, '1.4/float per position', { weights: '1.4', mapPer: 'position' }),
  ]),
  claims: networks.flatMap((network): DesignClaim[] =>
    (
      [
        ['balanced 10', 'a map balanced in every 10 inputs'],
        ['per position', 'a map per position'],
      ] as const
    ).map(([name, says]) => ({
      id: `${network.id}-${name.replace(' ', '-')}`,
      claim: `${network.name}: ${says} equals a map per element`,
      test: 'equal',
      a: `${network.id} 1.4/float ${name}`,
      b: `${network.id} 1.4/float`,
    })),
  ),
};

const belowOne: DesignPart = {
  name: 'below-one',
  about:
    'In the part called **below-one**, the inputs of the layers stay float, and the weights have 1 bit or 0.7 bits ' +
    'on average. For 0.7 bits on average, the rule gain or the rule curvature prunes some weights (gives them 0 ' +
    'bits).',
  settings: networks.flatMap((network) => [
    bits(network, '1'),
    of(network, '0.7/float gain', { weights: '0.7', select: 'gain' }),
    of(network, '0.7/float curvature', { weights: '0.7', select: 'curvature' }),
  ]),
  claims: networks.flatMap((network): DesignClaim[] =>
    (['gain', 'curvature'] as const).map((select) => ({
      id: `${network.id}-0.7-${select}-is-1`,
      claim: `${network.name}: 0.7 bits by ${select} equal 1 bit`,
      test: 'equal',
      a: `${network.id} 0.7/float ${select}`,
      b: `${network.id} 1/float`,
    })),
  ),
};

const ends = networks.flatMap((of) => [bits(of, 'float')]);

const long: DesignPart = {
  ...central,
  name: 'long',
  about:
    `${centralAbout('long')} In the part called **long**, trainings with float weights show whether still longer ` +
    'training would raise the accuracy.',
  settings: [...central.settings, ...ends],
};

const alexNet = networks[0];

/** AlexNet-BN with another paper's quantizer. */
const method = (quantizer: string, row?: number): DesignSetting => ({
  id: `alexnet ${quantizer}`,
  config: { network: alexNet.network, quantizer },
  row,
});

const ours = (weights: string, inputs = 'float', row?: number): DesignSetting => ({
  ...bits(alexNet, weights, inputs),
  row,
});

/** A claim that heterogeneous (or residual) binarization is above another method. */
const aboveMethod = (of: string, name: string, quantizer: string, id: string): DesignClaim => ({
  id,
  claim: `AlexNet-BN: ${of} bits are above ${name}`,
  test: 'above',
  a: `alexnet ${of}`,
  b: `alexnet ${quantizer}`,
});

const methodsOnWeights: DesignPart = {
  name: 'weights',
  about:
    'In one part of the experiment, called **weights**, only the weights are quantized. To quantize weights, the ' +
    'experiment uses the methods in rows 1 to 5 of the HBNN paper’s Table 1. The experiment also uses two other ' +
    'methods that quantize weights, BWN and TRQ. The method TRQ, with ternary weights, is later than the HBNN paper. ' +
    'Ternary weights, with three values each, have 1.585 bits, so we compare them with our weights of 1.6 bits. The ' +
    'HBNN paper’s Table 1 counts 2 bits for each ternary weight, as many as are stored.',
  settings: [
    ours('1', 'float', 3),
    ours('1.4', 'float', 5),
    ours('1.6'),
    method('bwn'),
    method('sq-bwn', 1),
    method('twn', 4),
    method('sq-twn', 2),
    method('trq'),
  ],
  claims: [
    aboveMethod('1/float', 'BWN, at equal bits', 'bwn', 'one-above-bwn'),
    aboveMethod('1/float', 'SQ-BWN, at equal bits', 'sq-bwn', 'one-above-sq-bwn'),
    aboveMethod('1.4/float', 'SQ-BWN (rows 5 and 1)', 'sq-bwn', 'above-sq-bwn'),
    aboveMethod('1.4/float', 'TWN (rows 5 and 4)', 'twn', 'above-twn'),
    {
      id: 'is-sq-twn',
      claim: 'AlexNet-BN: 1.4/float bits equal SQ-TWN (rows 5 and 2)',
      test: 'equal',
      a: 'alexnet 1.4/float',
      b: 'alexnet sq-twn',
    },
    aboveMethod('1.6/float', 'TWN, at equal bits', 'twn', 'equal-bits-twn'),
    aboveMethod('1.6/float', 'SQ-TWN, at equal bits', 'sq-twn', 'equal-bits-sq-twn'),
    aboveMethod('1.6/float', 'TRQ, at equal bits', 'trq', 'equal-bits-trq'),
  ],
};

const methodsOnBoth: DesignPart = {
  name: 'both',
  about:
    'In one part of the experiment, called **both**, the weights and the inputs of the layers are quantized. To ' +
    'quantize weights and inputs, the experiment uses the methods in rows 7 to 10 of the HBNN paper’s Table 1. For ' +
    'comparison, our method is trained with as many bits as the methods of rows 7 to 10 of Table 1. Our method is ' +
    'also trained with 1.4 bits, as in row 13 of the HBNN paper’s Table 1.',
  settings: [
    ours('1', '1'),
    ours('1', '2'),
    ours('1.4', '1.4', 13),
    method('bnn', 7),
    method('xnor-net', 8),
    method('dorefa:1/2', 9),
    method('qnn:1/2', 10),
  ],
  claims: [
    aboveMethod('1/1', 'BNN, at equal bits', 'bnn', 'equal-bits-bnn'),
    aboveMethod('1/1', 'XNOR-Net, at equal bits', 'xnor-net', 'equal-bits-xnor-net'),
    aboveMethod('1/2', 'DoReFa-Net, at equal bits', 'dorefa:1/2', 'equal-bits-dorefa'),
    aboveMethod('1/2', 'QNN, at equal bits', 'qnn:1/2', 'equal-bits-qnn'),
    aboveMethod('1.4/1.4', 'DoReFa-Net (rows 13 and 9)', 'dorefa:1/2', 'above-dorefa'),
    aboveMethod('1.4/1.4', 'QNN (rows 13 and 10)', 'qnn:1/2', 'above-qnn'),
  ],
};

const methodsThatLearnBits: DesignPart = {
  name: 'learned-bits',
  about:
    'In one part of the experiment, called **learned-bits**, only the weights are quantized. The experiment uses ' +
    'two methods that learn the number of bits, BitPruning and Bayesian Bits. The results show the average number of ' +
    'bits that each training ends with. BitPruning and Bayesian Bits both have a penalty on bits, which we tuned ' +
    'with one training (seed 1). With the penalties that we tuned, the weights of BitPruning and Bayesian Bits end ' +
    'with about 2 bits on average.',
  settings: [ours('2'), method('bit-pruning:0.01'), method('bayesian-bits:0.003')],
  claims: [
    aboveMethod('2/float', 'BitPruning', 'bit-pruning:0.01', 'above-bit-pruning'),
    aboveMethod('2/float', 'Bayesian Bits', 'bayesian-bits:0.003', 'above-bayesian-bits'),
  ],
};

/** The experiments by name. */
export const designs: Readonly<Record<string, Design>> = {
  cifar: {
    name: 'cifar',
    title: 'The paper’s accuracy claims, with many seeds',
    about:
      'The experiment called `cifar` trains small versions of AlexNet-BN and MobileNet on CIFAR-10 for 8 epochs, ' +
      'with random crops and flips. Training for more than 8 epochs would give a higher accuracy. In trials with ' +
      'float weights, doubling the epochs raised the accuracy of AlexNet-BN from 67.5 % to 70.8 %. For MobileNet ' +
      'with float weights, doubling the epochs raised the accuracy from 63.2 % to 68.0 %. The trials with float ' +
      'weights had one seed each, and 6 or 12 epochs. With longer trainings, the experiment called `cifar-long` ' +
      'tests whether weights of 1.4 bits on average are as accurate as weights of 2 bits. The experiment called ' +
      '`cifar-long` also tests whether weights of 1.4 bits are more accurate if the rule optimal, instead of ' +
      'middle-out, chooses their bits.',
    common: { ...augmented, epochs: 8 },
    parts: [central, withInputs, rules],
    firstSeed: 101,
    block: 10,
  },
  rules: {
    name: 'rules',
    title: 'Rules that may beat middle-out, maps that can be built, and less than one bit',
    about:
      'Small versions of AlexNet-BN and MobileNet are trained on CIFAR-10 for 8 epochs, as in the experiment ' +
      'called `cifar`. The experiment called `rules` uses other seeds than the experiment called `cifar`.',
    common: { ...augmented, epochs: 8 },
    parts: [better, buildable, belowOne],
    firstSeed: 301,
    block: 4,
  },
  'cifar-long': {
    name: 'cifar-long',
    title: 'The central claims near the plateau',
    about:
      'The experiment called `cifar-long` trains small versions of AlexNet-BN and MobileNet on CIFAR-10 for 40 ' +
      'epochs. The shorter experiment called `cifar` trains small versions of AlexNet-BN and MobileNet for 8 ' +
      'epochs. The networks of both experiments, `cifar` and `cifar-long`, are trained with random crops and flips.',
    common: { ...augmented, epochs: 40 },
    parts: [long],
    firstSeed: 201,
    block: 10,
  },
  table1: {
    name: 'table1',
    title: 'Where heterogeneous binarization stands among the methods of Table 1',
    about:
      'The experiment called `table1` trains networks with the methods that the HBNN paper’s Table 1 quotes from ' +
      'other papers, and with later methods. All methods of the experiment train a small AlexNet-BN on CIFAR-10, ' +
      'with as many epochs and the same seeds as the experiment called `cifar`. All methods of the experiment have ' +
      'the same optimizer and learning rate, even if the paper of a method used others. The paper of XNOR-Net, for ' +
      'example, used the optimizer Adam, but we train XNOR-Net with SGD. Our own settings are trained again, so ' +
      'that both settings of a comparison are trained by the same code.',
    common: { ...augmented, epochs: 8 },
    parts: [methodsOnWeights, methodsOnBoth, methodsThatLearnBits],
    firstSeed: 101,
    block: 10,
  },
  scale,
};

/** Pairs of the committed CIFAR-10 results that tell how much paired differences vary. */
export const pilotPairs: readonly PilotPair[] = [
  ...['2-bit', '1-bit', '1.4-bit bottom-up', '1.4-bit top-down', '1.4-bit random'].map((b) => ({
    stage: 'figure2b',
    a: '1.4-bit middle-out',
    b,
  })),
  { stage: 'figure2b', a: '1.4-bit optimal (not in the paper)', b: '1.4-bit middle-out' },
  { stage: 'table1', a: '13 AlexNet HBNN 1.4/1.4', b: '11 AlexNet residual 2/2' },
  { stage: 'table1', a: '23 MobileNet HBNN 1.4/1.4', b: '19 MobileNet residual 2/2' },
  { stage: 'table1', a: '23 MobileNet HBNN 1.4/1.4', b: '17 MobileNet residual 1/1' },
];
