import { parseBits } from '@hbnn/train';
import { paired } from '../../results/statistics.ts';
import { above, equal, pointsText } from '../claims.ts';
import type { Profile } from '../profile.ts';
import { accuracies, measuredRow } from '../settings.ts';
import type { Claim, ResultRow, Setting, SettingResults, Stage } from '../stage.ts';
import { table1Setting } from './table1.ts';
import { weightSettings } from './weights.ts';

type Change = Partial<Setting['config']>;

/** One way to do it otherwise than the reference, all else alike. */
interface Variant {
  readonly label: string;
  readonly what: string;
  readonly change: Change;
}

/** A setting of the paper and what may be varied in it. */
interface Comparison {
  readonly id: string;
  readonly label: string;
  readonly reference: (p: Profile) => Setting;
  readonly variants: readonly Variant[];
}

const referenceOf = (p: Profile, comparison: Comparison): Setting => ({
  ...comparison.reference(p),
  id: `${comparison.id}: reference`,
  seeds: p.variantSeeds,
});

const variantOf = (p: Profile, comparison: Comparison, { label, change }: Variant): Setting => ({
  id: `${comparison.id}: ${label}`,
  config: { ...comparison.reference(p).config, ...change },
  seeds: p.variantSeeds,
});

function settings(p: Profile, comparisons: readonly Comparison[]): Setting[] {
  return comparisons.flatMap((comparison) => [
    referenceOf(p, comparison),
    ...comparison.variants.map((variant) => variantOf(p, comparison, variant)),
  ]);
}

function rows(
  p: Profile,
  results: SettingResults,
  comparisons: readonly Comparison[],
): ResultRow[] {
  return comparisons.flatMap((comparison) => {
    const { id } = referenceOf(p, comparison);
    const reference = accuracies(results, id);
    return [
      measuredRow(p, comparison.label, results, id, {
        columns: { 'against the reference': '' },
        moreColumns: { 'what is varied': 'reference' },
      }),
      ...comparison.variants.map((variant) => {
        const setting = variantOf(p, comparison, variant);
        const test = paired(accuracies(results, setting.id), reference);
        const difference = test
          ? `${pointsText(test.difference)} (${pointsText(test.low)} … ${pointsText(test.high)})`
          : '';
        return measuredRow(p, `– ${variant.label}`, results, setting.id, {
          columns: { 'against the reference': difference },
          moreColumns: { 'what is varied': variant.what },
        });
      }),
    ];
  });
}

const readRows =
  'This experiment, which is not in the HBNN paper, tries variants of the HBNN paper’s settings. Each variant is ' +
  'compared with a reference setting, the first row of the same network in the table. The column “what is varied” ' +
  'shows how a variant differs from its reference setting. The column “against the reference” shows the accuracy ' +
  'of a variant minus that of its reference setting, in points. The brackets in the column “against the reference” ' +
  'contain the 95 % confidence interval of the difference in accuracy, by a paired t test.';

const both = { weights: 1.4, inputs: 1.4 };
const onePerChannel = 'static map, per channel';
const twoBits = 'static, 2 bits for every input';
const fixed = (inputMapPer: 'element' | 'position' | 'channel'): Change => ({
  ...both,
  inputMap: 'static',
  inputMapPer,
});

/** Static maps with more bits, and the same bits for all: what can be built in place of the paper's inputs. */
const moreBits: readonly Variant[] = [
  {
    label: 'static map, per channel, 1.7 bits',
    what: 'map and bits',
    change: { ...fixed('channel'), inputs: 1.7 },
  },
  { label: twoBits, what: 'map and bits', change: { ...fixed('channel'), inputs: 2 } },
];

const inputComparisons: readonly Comparison[] = [
  {
    id: 'inputs-AlexNet',
    label: 'AlexNet 1.4/1.4, map and scales per sample (the paper)',
    reference: (p) => table1Setting(p, 'AlexNet', '1.4', '1.4'),
    variants: [
      { label: 'static map, per element', what: 'map', change: fixed('element') },
      { label: 'static map, per position', what: 'map', change: fixed('position') },
      { label: onePerChannel, what: 'map', change: fixed('channel') },
      {
        label: 'static map, per channel, maps kept from half of the training on',
        what: 'map and its renewal',
        change: { ...fixed('channel'), freezeMaps: 0.5 },
      },
      ...moreBits,
    ],
  },
  {
    id: 'inputs-MobileNet',
    label: 'MobileNet 1.4/1.4, map and scales per sample (the paper)',
    reference: (p) => table1Setting(p, 'MobileNet', '1.4', '1.4'),
    variants: [{ label: onePerChannel, what: 'map', change: fixed('channel') }, ...moreBits],
  },
];

/** One claim for each network: a variant's inputs do as well as the paper's. */
const equalsReference = (
  p: Profile,
  results: SettingResults,
  id: string,
  label: string,
  words: string,
): Claim[] =>
  inputComparisons.flatMap((comparison) => {
    const variant = comparison.variants.find((one) => one.label === label);
    if (variant === undefined) return [];
    const name = comparison.label.split(',')[0];
    return [
      equal(
        `${id} ${name.split(' ')[0]}`,
        `${name}: ${words} the dynamic bit map`,
        accuracies(results, variantOf(p, comparison, variant).id),
        accuracies(results, referenceOf(p, comparison).id),
      ),
    ];
  });

/** What a map per sample can tell beside the signs: mean bits plus the entropy of the shares of widths, in bits. */
function carriedText(): string {
  const fractions = parseBits(both.inputs, 'inputs')?.fractions ?? [];
  const entropy = fractions.reduce((sum, { fraction: f }) => sum - f * Math.log2(f), 0);
  return (
    'If the numbers of bits are chosen anew for each image, a circuit must also tell the next layer how many bits ' +
    `each value has. If the values have ${both.inputs} bits on average, it takes up to ${entropy.toFixed(2)} bits (the ` +
    `entropy) to say how many bits a value has. So a value of ${both.inputs} bits on average takes up to ` +
    `${(both.inputs + entropy).toFixed(2)} bits, if a circuit also stores how many bits the value has. If the ` +
    'numbers of bits are the same for all images, a circuit needs less storage, because it need not tell the next ' +
    'layer how many bits each value has. So we also trained networks with more bits for the layer inputs: ' +
    `${moreBits.map(({ change }) => change.inputs).join(' or ')} bits on average, the same for all ` +
    'images.\n\nWe added the claims called q8, on 2 bits for every layer input, after we knew the results for 1.4 bits.'
  );
}

/** How much accuracy does an input map cost that hardware can build? */
export const inputMaps: Stage = {
  name: 'input-maps',
  beyondPaper: true,
  settings: (p) => settings(p, inputComparisons),
  conclude: (p, results) => ({
    stage: 'input-maps',
    title: 'Bits of inputs that a circuit can have',
    about:
      `${readRows}\n\nA bit map says how many bits each input of a layer gets. In the HBNN paper, the bit map of the ` +
      'inputs is dynamic, which means that it is chosen anew for each image. A fixed circuit cannot choose anew ' +
      'for each image how many bits each layer input gets.\n\nA static bit map gives each layer input the same ' +
      'number of bits for all images. To choose the number of bits of a layer input once for all images, the rule ' +
      'middle-out uses the mean magnitude of the input over many images. Layer inputs whose mean magnitude is far ' +
      'from that of the whole layer get more bits. If each layer input has the same number of bits for all images, ' +
      'the scales, by which the bits are multiplied, also stay constant after the training.\n\n' +
      carriedText(),
    rows: rows(p, results, inputComparisons),
    claims: [
      ...equalsReference(p, results, 'q1', onePerChannel, 'a static bit map per channel equals'),
      ...equalsReference(p, results, 'q8', twoBits, '2 static bits for every input equal'),
    ],
    plots: [],
  }),
};

/** Variants that a claim is about, by what the report calls them. */
const named = {
  perPosition: 'map per position (kernel position and input channel)',
  powersOfTwo: 'scales that are powers of two, one shared factor',
  fourBitScales: 'scales that are integers of 4 bits, one shared factor',
  keptFromHalf: 'map kept from half of the training on',
  zeroBits: 'smallest 30 % of weights 0 bits, others 2',
  leastError: 'least approximation error (optimal)',
} as const;

const weightComparison: Comparison = {
  id: 'weights',
  label:
    'AlexNet float/1.4, middle-out per element, free scales per tensor, renewed each step (the paper)',
  reference: (p) => weightSettings.middleOut(p, 1.4),
  variants: [
    {
      label: named.perPosition,
      what: 'granularity of the map',
      change: { mapPer: 'position' },
    },
    {
      label: 'one map per position, least approximation error',
      what: 'granularity and rule',
      change: { mapPer: 'position', select: 'optimal' },
    },
    {
      label: 'map per block of 8 inputs',
      what: 'granularity of the map',
      change: { mapPer: 'block:8' },
    },
    {
      label: 'one map per block of 8 inputs, least approximation error',
      what: 'granularity and rule',
      change: { mapPer: 'block:8', select: 'optimal' },
    },
    {
      label: 'map per output',
      what: 'granularity of the map',
      change: { mapPer: 'output' },
    },
    {
      label: 'balanced map: in every 10 inputs of an output as many weights of each width',
      what: 'freedom of the map',
      change: { balance: 10 },
    },
    {
      label: 'balanced map: in every 5 inputs of an output 2 weights of 2 bits',
      what: 'freedom of the map',
      change: { balance: 5, weights: '1:0.6/2:0.4' },
    },
    { label: 'scales per output', what: 'scales', change: { scalePer: 'output' } },
    {
      label: named.powersOfTwo,
      what: 'scales',
      change: { scaleForm: 'powers-of-two' },
    },
    {
      label: named.fourBitScales,
      what: 'scales',
      change: { scaleForm: 'integers:4' },
    },
    { label: 'map kept from the first step on', what: 'renewal', change: { freezeMaps: 0 } },
    {
      label: named.keptFromHalf,
      what: 'renewal',
      change: { freezeMaps: 0.5 },
    },
    {
      label: named.zeroBits,
      what: 'selection rule',
      change: { weights: '0:0.3/2:0.7', select: 'bottom-up' },
    },
    {
      label: named.leastError,
      what: 'selection rule',
      change: { select: 'optimal' },
    },
    {
      label: 'each bit where it takes away most of the error (gain)',
      what: 'selection rule',
      change: { select: 'gain' },
    },
  ],
};

function weightQuestions(p: Profile, results: SettingResults): Claim[] {
  const reference = accuracies(results, referenceOf(p, weightComparison).id);
  const of = (name: keyof typeof named): number[] => {
    const variant = weightComparison.variants.find(({ label }) => label === named[name]);
    if (variant === undefined) throw new Error(`no variant ${named[name]}`);
    return accuracies(results, variantOf(p, weightComparison, variant).id);
  };
  return [
    equal(
      'q2',
      'One bitwidth for all weights at a kernel position equals one for each weight',
      of('perPosition'),
      reference,
    ),
    equal('q3', 'Scales that are powers of two equal free scales', of('powersOfTwo'), reference),
    equal('q4', 'Scales that are 4-bit integers equal free scales', of('fourBitScales'), reference),
    equal(
      'q5',
      'A bit map that is kept after half of the training equals a changing bit map',
      of('keptFromHalf'),
      reference,
    ),
    above(
      'q6',
      'Weights of 0 and 2 bits are above middle-out, with the same average',
      of('zeroBits'),
      reference,
    ),
    above('q7', 'The rule optimal is above middle-out', of('leastError'), reference),
  ];
}

/** What hardware wants of weights, when maps may be frozen, and which rule beats middle-out. */
export const weightVariants: Stage = {
  name: 'weight-variants',
  beyondPaper: true,
  settings: (p) => settings(p, [weightComparison]),
  conclude: (p, results) => ({
    stage: 'weight-variants',
    title: 'Other maps, scales and rules for weights',
    about:
      `${readRows}\n\nA circuit is smaller if many weights share one bitwidth. A circuit is also smaller if the scales ` +
      'of the weights are simple numbers, such as powers of two. A bit map says how many bits each weight has. The ' +
      'bit map is called “kept” if each weight keeps its number of bits while the training still changes the ' +
      'weights.\n\nEvery variant in the table has 1.4 bits per weight on average. A variant with another selection ' +
      'rule gives more bits to other weights than the rule middle-out does.',
    rows: rows(p, results, [weightComparison]),
    claims: weightQuestions(p, results),
    plots: [],
  }),
};
