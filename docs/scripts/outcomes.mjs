// What came out, in a few short sentences each: made of the committed results alone, for the README and the site. The first
// sentence of each is the one on the home page.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  bothNetworks,
  circuitNeeds,
  claimOf,
  equalClaims,
  ofEqual,
  plan,
  reportCommand,
  reportOn,
} from './claims.mjs';
import { circuitTable, comparisonTable } from './outcomeTables.mjs';

const answer = (claims, yes) => {
  const verdicts = claims.map(({ verdict }) => verdict);
  if (verdicts.every((verdict) => verdict === 'holds')) return yes;
  if (verdicts.every((verdict) => verdict === 'does not hold')) return 'No';
  return verdicts.includes('interim') ? 'Not decided yet' : 'Not on both networks';
};

/** How the accuracy changes, in points on both networks, and whether it is a gain: every claim of a gain holds. */
function changeOf(claims) {
  const isGain = claims.every(({ id, verdict }) => id !== 'equal' && verdict === 'holds');
  return {
    isGain,
    points: claims.map(({ difference }) => (isGain ? difference.replace('+', '') : difference)),
  };
}

const onBothNetworks = ([alexnet, mobilenet]) =>
  `by ${alexnet} points on AlexNet-BN and ${mobilenet} on MobileNet`;

/** 'changes the accuracy by −0.04 points on AlexNet-BN and +0.09 on MobileNet', or 'raises the accuracy by …'. */
function change(claims, { plural = false } = {}) {
  const { isGain, points } = changeOf(claims);
  return `${isGain ? 'raise' : 'change'}${plural ? '' : 's'} the accuracy ${onBothNetworks(points)}`;
}

/** A sentence for each network: how its accuracy changes under a condition. */
function changedIf(condition, claims) {
  const { isGain, points } = changeOf(claims);
  const [alexnet, mobilenet] = points.map(
    (each) => `${isGain ? 'rises' : 'changes'} by ${each} points`,
  );
  return `If ${condition}, the accuracy of AlexNet-BN ${alexnet}. The accuracy of MobileNet ${mobilenet} if ${condition}.`;
}

/** A sentence: by how much the accuracies differ, which may be chance. */
const differsBy = (of, [alexnet, mobilenet]) =>
  `${of}, the difference is ${alexnet.difference} points of accuracy on AlexNet-BN and ${mobilenet.difference} on MobileNet.`;

/** Confidence intervals of differences, in points: a line for each comparison, for the cards of the home page. */
const intervals = (level, lines) => ({
  level,
  lines: lines.map(([of, claims]) => ({
    of,
    networks: claims.map(({ text }, i) => ({
      network: ['AlexNet-BN', 'MobileNet'][i],
      interval: /\((.*)\)/.exec(text)[1],
    })),
  })),
});

/** Is 1.4 bits the accuracy of 2? */
function equality(committed) {
  const [weights, both] = equalClaims(committed);
  const verdict = answer([...weights, ...both], 'Yes, within one percentage point');
  return {
    question: 'Do 1.4 bits per weight reach the accuracy of 2 bits per weight?',
    verdict,
    sentences: [
      differsBy('For weights of 1.4 bits and of 2 bits', weights),
      differsBy('For weights and layer inputs of 1.4 bits and of 2 bits', both),
      ...(verdict.startsWith('Yes')
        ? ['According to statistical tests, each of these differences is smaller than one point.']
        : []),
    ],
    intervals: intervals('90 %', [
      ['weights', weights],
      ['weights and inputs', both],
    ]),
    command: plan,
  };
}

/** Is it better than one bit? */
function overOne(committed) {
  const [weights, both] = ['above-1', 'above-1-inputs'].map((id) => bothNetworks(committed, id));
  return {
    question: 'Do 1.4 bits per weight give a higher accuracy than 1 bit?',
    verdict: answer([...weights, ...both], 'Yes'),
    sentences: [
      `Weights of 1.4 bits instead of 1 bit ${change(weights, { plural: true })}.`,
      changedIf('weights and layer inputs have 1.4 bits instead of 1 bit', both),
    ],
    intervals: intervals('95 %', [
      ['weights', weights],
      ['weights and inputs', both],
    ]),
    command: plan,
  };
}

/** Does the paper's rule matter? */
function middleOut(committed) {
  const rules = ['above-bottom-up', 'above-top-down'].map((id) => bothNetworks(committed, id));
  const random = bothNetworks(committed, 'above-random');
  const claims = rules.flat();
  const others = claims.some(({ verdict }) => verdict === 'holds')
    ? answer(claims, 'better than the other simple rules').toLowerCase()
    : 'not shown to be better than other simple rules';
  return {
    question: 'Is middle-out, the paper’s rule for choosing bits, better than other rules?',
    verdict: `${answer(random, 'Better than a random choice')}; ${others}`,
    sentences: [
      `Compared with a random choice of bits, the rule middle-out ${change(random)}.`,
      'The rule middle-out gives more bits to weights with magnitudes far from the mean magnitude.',
      `Compared with the rule bottom-up, which gives large weights more bits, the rule middle-out ${change(rules[0])}.`,
      `Compared with the rule top-down, which gives small weights more bits, the rule middle-out ${change(rules[1])}.`,
    ],
    intervals: intervals('95 %', [
      ['random', random],
      ['bottom-up', rules[0]],
      ['top-down', rules[1]],
    ]),
    command: plan,
  };
}

/** Is middle-out the best rule? */
function better(committed) {
  const claims = bothNetworks(committed, 'optimal');
  return {
    question: 'Is there a better rule for choosing bits than middle-out?',
    verdict: answer(claims, 'Yes, the rule “optimal”'),
    sentences: [
      `Compared with the HBNN paper’s rule middle-out, the rule “optimal” for choosing bits ${change(claims)}.`,
      'The rule “optimal” chooses the bits, signs and scales of all weights of a layer together, for the smallest error of the binarized weights.',
    ],
    intervals: intervals('95 %', [['weights', claims]]),
    command: plan,
  };
}

const signedNumber = ({ difference }) => Number(difference.replace('−', '-'));

/** '0.88 to 2.20 points higher than', of two differences with one sign. */
function apart(claims) {
  const values = claims.map(signedNumber).sort((a, b) => Math.abs(a) - Math.abs(b));
  if (values.some((value) => value > 0 !== values[0] > 0))
    throw new Error('2 bits for every input: expected differences with one sign');
  const [least, largest] = values.map((value) => Math.abs(value).toFixed(2));
  return `${least} to ${largest} points ${values[0] > 0 ? 'higher' : 'lower'} than`;
}

function buildable(results) {
  const { onceForAllImages, twoBits, position } = circuitNeeds(results);
  const losses = [...onceForAllImages, position].map((claim) => Math.max(0, -signedNumber(claim)));
  return {
    question: 'How much accuracy is lost when a network must become a circuit?',
    verdict: `Up to ${Math.max(...losses).toFixed(1)} points for one change that a circuit needs; measured with ${position.seeds} seeds only`,
    sentences: [
      `Choosing the number of bits of each layer input once, instead of anew for each image, ${change(ofEqual(onceForAllImages))}.`,
      `If every layer input has 2 bits, the accuracy is ${apart(twoBits)} if the bits are chosen anew for each image. With a choice for each image, layer inputs have 1.4 bits on average.`,
      `If all weights at a kernel position share a bitwidth, the accuracy of AlexNet-BN changes by ${position.difference} points, compared with a bitwidth for each weight.`,
    ],
    intervals: intervals('90 %', [
      ['once for all images', onceForAllImages],
      ['2 bits', twoBits],
      ['kernel position', [position]],
    ]),
    command: reportCommand,
  };
}

/** A whole CNV at 1.4 bits, folded and synthesized, lanes for all bits of the weights: LUTs and cycles as shares of 2 bits. */
function wholeNetwork(committed) {
  const file = join(committed, 'hardware', 'networks.json');
  const { rows } = JSON.parse(readFileSync(file, 'utf8'));
  const [mixed, whole] = ['1.4/1.4', '2/2'].map((bits) => {
    const row = rows.find(
      (found) => found.narrower === 1 && found.bits === bits && found.lanes === 'all planes',
    );
    if (row?.synthesized === undefined) throw new Error(`${file}: no synthesized CNV of ${bits}`);
    return {
      luts: row.synthesized.luts + row.synthesized.memoryLuts,
      cycles: row.cyclesPerImage,
    };
  });
  const share = (of) => (mixed[of] / whole[of]).toFixed(2);
  return { luts: share('luts'), cycles: share('cycles') };
}

/** LUTs of a layer at equal speed, over those with 2-bit weights, on lanes for all bits of the weights at once. */
function atEqualSpeed(committed) {
  const file = join(committed, 'hardware', 'lanes.json');
  const { rows } = JSON.parse(readFileSync(file, 'utf8'));
  const of = (bits, map) => {
    const row = rows.find((found) => found.bits === bits && found.map.includes(map));
    const [two] = rows;
    if (row === undefined || row.cycles !== two.cycles)
      throw new Error(`${file}: no layer of ${bits} bits, ${map}, in ${two.cycles} cycles`);
    return (row.sites / two.sites).toFixed(2);
  };
  return {
    fifths: of('1.4 / 1', 'groups of 5'),
  };
}

function area(committed, results) {
  const claim = claimOf(results, '5f');
  const ratio = (bits) => {
    const found = new RegExp(`(\\d+\\.\\d+) at ${bits} bits? `).exec(claim.because);
    if (!found) throw new Error(`claim 5f: no ratio at ${bits} bits in '${claim.because}'`);
    return found[1];
  };
  const network = wholeNetwork(committed);
  const layer = atEqualSpeed(committed);
  const unrolled = Number(ratio('1.4')) / Number(ratio('2'));
  if (Math.abs(unrolled - 1) > 0.05)
    throw new Error(`claim 5f: expected about equal areas at 1.4 and 2 bits, got ${unrolled}`);
  return {
    question: 'Does a circuit get smaller with fewer bits?',
    verdict:
      claim.verdict === 'holds'
        ? 'Yes'
        : 'Yes, if the weights at a kernel position share a bitwidth; otherwise not',
    sentences: [
      `With weights and layer inputs of 1.4 instead of 2 bits, a circuit of the VGG-like network CNV takes ${network.luts} times the lookup tables and ${network.cycles} times the clock cycles.`,
      'In the circuit of the network CNV, the weights are random, and those at one kernel position share a bitwidth.',
      `If each weight has its own bitwidth, the circuit of a layer takes ${layer.fifths} times as many lookup tables with 1.4 bits as with 2 bits.`,
      'If each weight has its own bitwidth and its own logic, we estimate about equal circuit areas for 1.4 and 2 bits.',
    ],
    command: 'pnpm bench:networks; pnpm bench:lanes; pnpm bench:reproduce --only table2',
  };
}

/** Shares of weights of 1, 2 and 3 bits, 1.4 on average. */
const mix = [0.7, 0.2, 0.1];

/** What comes of all that: what a weight of 1.4 bits saves. */
function savings(committed, results) {
  const { position } = circuitNeeds(results);
  const { fifths } = atEqualSpeed(committed);
  const network = wholeNetwork(committed);
  const isSmaller = [network.luts, network.cycles].every((share) => Number(share) < 1);
  const map = mix.reduce((bits, share) => bits - share * Math.log2(share), 0);
  const average = mix.reduce((bits, share, i) => bits + share * (i + 1), 0);
  if (Number(fifths) < 1 || signedNumber(position) > 0 || !isSmaller || map + average < 2)
    throw new Error('savings: expected a trade of accuracy for area, write other sentences');
  return {
    question: 'What do 1.4 bits per weight save, compared with 2 bits?',
    verdict: 'Either the accuracy stays or the circuit gets smaller, not yet both',
    sentences: [
      `If each weight has its own bitwidth, the accuracy stays within one point, but the circuit of a layer takes ${fifths} times the lookup tables.`,
      `If the weights at a kernel position share a bitwidth, a circuit gets smaller, but the accuracy of AlexNet-BN changes by ${position.difference} points, compared with a bitwidth for each weight.`,
      `In a file, a weight of ${average.toFixed(1)} bits takes ${(average + map).toFixed(2)} bits, because the file also stores the bitwidth of each weight.`,
    ],
    command: 'pnpm bench:lanes; pnpm bench:networks; pnpm bench:reproduce --profile cifar10',
  };
}

/** All outcomes, in the order that a reader asks. */
export function outcomes(committed) {
  const results = reportOn(committed);
  return [
    equality(committed),
    overOne(committed),
    middleOut(committed),
    better(committed),
    buildable(results),
    area(committed, results),
    savings(committed, results),
  ];
}

/** The outcomes for the README, a paragraph and a list each, each line within 120 columns. */
function outcomesText(committed) {
  return outcomes(committed)
    .map(({ question, verdict, sentences, command }) => {
      const made = command.split('; ').map((one) => `\`${one}\``);
      const list = [...sentences, `Made by ${made.join(', ')}.`].map((sentence) =>
        wrapped(`- ${sentence}`, '  '),
      );
      return [wrapped(`**${question}** ${verdict}.`), '', ...list].join('\n');
    })
    .join('\n\n');
}

/** A paragraph with lines within 120 columns; those after the first begin with `indent`. A number stays beside its %. */
function wrapped(text, indent = '') {
  const lines = [''];
  for (const word of text.split(/ (?!%)/)) {
    const line = lines[lines.length - 1];
    if (line.length + word.length < 120)
      lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
    else lines.push(`${indent}${word}`);
  }
  return lines.join('\n');
}

const wrappedParagraphs = (text) =>
  text
    .split('\n')
    .map((line) => (line.startsWith('|') ? line : wrapped(line)))
    .join('\n');

/** The README with the outcomes as the committed results have them. */
export function withOutcomes(readme, committed) {
  const [head, end] = ['results -->\n', '<!-- end of outcomes -->'];
  const from = readme.indexOf(head) + head.length;
  const parts = [
    outcomesText(committed),
    wrappedParagraphs(comparisonTable(committed)),
    wrappedParagraphs(circuitTable(reportOn(committed))),
  ];
  return `${readme.slice(0, from)}\n${parts.join('\n\n')}\n\n${readme.slice(readme.indexOf(end))}`;
}
