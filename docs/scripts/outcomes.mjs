// What came out, in a few short sentences each: made of the committed results alone, for the README and the site. The first
// sentence of each is the one on the home page.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The report on CIFAR-10. */
const reportOn = (committed) =>
  JSON.parse(readFileSync(join(committed, 'cifar10', 'results.json'), 'utf8'));

/** A claim of a profile's report. */
function claimOf(results, id) {
  const claim = results.stages.flatMap(({ claims }) => claims).find((found) => found.id === id);
  if (!claim) throw new Error(`the committed results have no claim ${id}`);
  return claim;
}

/** The numbers in a claim's reason: '… difference −0.36 points, 90 % interval −1.61 … +0.90, 3 paired seeds …'. */
function numbersOf({ id, because }) {
  const found = /difference (\S+) points, \d+ % interval (\S+) … ([^ ,]+), (\d+) paired seeds/.exec(
    because,
  );
  if (!found) throw new Error(`claim ${id}: no difference in '${because}'`);
  const [, difference, low, high, seeds] = found;
  return { difference, seeds, text: `${difference} (${low} … ${high})` };
}

/** Rows of a CSV file without quotes. */
function table(file) {
  const [head, ...rows] = readFileSync(file, 'utf8').trim().split('\n');
  const names = head.split(',');
  return rows.map((row) => Object.fromEntries(row.split(',').map((cell, i) => [names[i], cell])));
}

const signed = (value) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;

/** A claim of the long plan, with its pairs and its interval. */
function planned(committed, id) {
  const row = table(join(committed, 'plans', 'cifar-results.csv')).find(
    ({ claim }) => claim === id,
  );
  if (!row) throw new Error(`the plan's results have no claim ${id}`);
  const [difference, low, high] = [row.difference, row.low, row.high].map((x) => signed(Number(x)));
  return {
    verdict: row.verdict,
    holm: row.verdict_holm,
    pHolm: row.p_holm,
    pairs: row.pairs,
    pairsForAll: row.planned_holm,
    difference,
    text: `${difference} (${low} … ${high})`,
  };
}

const plan = 'pnpm bench:reproduce --plan-report cifar';
const reportCommand = 'pnpm bench:reproduce --profile cifar10';

const bothNetworks = (committed, id) =>
  ['alexnet', 'mobilenet'].map((network) => planned(committed, `${network}-${id}`));

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

/** '+0.16' is 'gains 0.16 points', '−0.37' is 'loses 0.37 points'. */
const gainOf = ({ difference }) =>
  `${difference.startsWith('−') ? 'loses' : 'gains'} ${difference.slice(1)} points`;

/** A sentence for each network: what it gains or loses under a condition. */
const gainsIf = (condition, [alexnet, mobilenet]) =>
  `If ${condition}, AlexNet-BN ${gainOf(alexnet)} of accuracy. MobileNet ${gainOf(mobilenet)} if ${condition}.`;

/** Claims that two settings are equally good: their differences keep their signs. */
const ofEqual = (claims) => claims.map((claim) => ({ ...claim, id: 'equal' }));

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

/** The claims about 1.4 and 2 bits: for weights alone, and for weights and inputs. */
const equalClaims = (committed) =>
  ['1.4-is-2', '1.4-is-2-inputs'].map((id) => ofEqual(bothNetworks(committed, id)));

/** Is 1.4 bits the accuracy of 2? */
function equality(committed) {
  const [weights, both] = equalClaims(committed);
  const verdict = answer([...weights, ...both], 'Yes, within one percentage point');
  return {
    question: 'Do 1.4 bits per weight reach the accuracy of 2 bits per weight?',
    verdict,
    sentences: [
      gainsIf('weights have 1.4 bits instead of 2 bits', weights),
      gainsIf('weights and layer inputs have 1.4 bits instead of 2 bits', both),
      ...(verdict.startsWith('Yes')
        ? [
            'According to statistical tests, the accuracies with 1.4 bits and with 2 bits differ by less than one point.',
          ]
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

/** The comparisons of the plan: what is compared, and the claim. */
const comparisons = [
  ['weights of 1.4 bits against 2 bits: equal?', '1.4-is-2'],
  ['weights and inputs of 1.4 bits against 2 bits: equal?', '1.4-is-2-inputs'],
  ['weights of 1.4 bits against 1 bit: better?', 'above-1'],
  ['weights and inputs of 1.4 bits against 1 bit: better?', 'above-1-inputs'],
  ['`middle-out` against `bottom-up`: better?', 'above-bottom-up'],
  ['`middle-out` against `top-down`: better?', 'above-top-down'],
  ['`middle-out` against `random`: better?', 'above-random'],
  ['`optimal` against `middle-out`: better?', 'optimal'],
];

/** The comparisons of the plan, a row each: its name, the claims on both networks, and their verdicts by `key`. */
function comparisonRows(committed, key) {
  return comparisons.map(([name, id]) => {
    const claims = bothNetworks(committed, id);
    const verdicts = claims.map((claim) => claim[key]);
    const verdict =
      new Set(verdicts).size === 1
        ? verdicts[0]
        : verdicts.map((each, i) => `${['AlexNet-BN', 'MobileNet'][i]}: ${each}`).join(', ');
    return { name, claims, verdict };
  });
}

/** A Markdown table with its columns lined up. */
function lined([head, ...rows]) {
  const lines = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  const text = (line) => `| ${line.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [text(lines[0]), rule, ...lines.slice(1).map(text)].join('\n');
}

/** '10 to 15' */
const pairsOf = (rows) => {
  const pairs = rows.flatMap(({ claims }) => claims.map((claim) => Number(claim.pairs)));
  const [fewest, largest] = [Math.min(...pairs), Math.max(...pairs)];
  return fewest === largest ? `${fewest}` : `${fewest} to ${largest}`;
};

/** The comparisons of the plan as a table, and what its numbers are; each paragraph on one line. */
export function comparisonTable(committed) {
  const rows = comparisonRows(committed, 'verdict');
  const open = rows.flatMap(({ claims }) => claims).find(({ holm }) => holm === 'interim');
  return [
    `The table shows all comparisons of our planned experiment, which was fixed before its first training. Both settings of a comparison were trained with the same ${pairsOf(rows)} random seeds. Each row of the table compares two settings by their top-1 accuracy on CIFAR-10. The numbers in a row of the table are the accuracy with the setting named first minus that with the setting named second, in percentage points. The brackets in the table contain confidence intervals. The command \`${plan}\` computed the differences in the table.`,
    '',
    lined([
      ['comparison', 'AlexNet-BN', 'MobileNet', 'verdict'],
      ...rows.map(({ name, claims, verdict }) => [
        name,
        ...claims.map(({ text }) => text),
        verdict,
      ]),
    ]),
    '',
    `Two settings count as equal if the 90 % confidence interval of their difference lies within ±1 point. A setting counts as better than another if the 95 % confidence interval of the difference lies above 0.${open ? ` A stricter test (Holm's correction), which judges all comparisons together, needs ${open.pairsForAll} seeds for each setting. Some settings have not been trained with all ${open.pairsForAll} seeds yet.` : ''}`,
  ].join('\n');
}

const probability = (p) => (p < 0.001 ? '< 0.001' : p.toFixed(p < 0.01 ? 3 : 2));

/** The same comparisons with the judgement of all of them together, for the page about rules. */
export function plannedPage(committed) {
  const rows = comparisonRows(committed, 'verdict');
  const together = comparisonRows(committed, 'holm');
  const holm = (row) =>
    `${row.verdict.replaceAll('interim', 'open')} (${row.claims.map(({ pHolm }) => probability(Number(pHolm))).join(', ')})`;
  const { pairsForAll } = rows[0].claims[0];
  return `${lined([
    ['comparison', 'AlexNet-BN', 'MobileNet', 'verdict alone', 'all tests together'],
    ...rows.map(({ name, claims, verdict }, i) => [
      name,
      ...claims.map(({ text }) => text),
      verdict,
      holm(together[i]),
    ]),
  ])}

For each comparison of two settings, both settings were trained with ${pairsOf(rows)} seeds so far. The last column of the table judges all comparisons together, by Holm's correction, which makes each test stricter. In the last column of the table, a comparison is open until both of its settings have been trained with ${pairsForAll} seeds. The brackets in the last column of the table contain p-values after Holm's correction, first for AlexNet-BN, then for MobileNet.
`;
}

/** A stage of the cifar10 report that varies one thing at a time, as a table against its references. */
export function variantsPage(committed, stage, reference) {
  const { rows } = reportOn(committed).stages.find((found) => found.stage === stage);
  const tables = [];
  for (const { label, ours, spread, columns } of rows) {
    const own = label.startsWith('– ');
    if (!own) tables.push({ network: label.split(' ')[0], lines: [] });
    tables
      .at(-1)
      .lines.push([
        own ? label.slice(2) : reference,
        `${ours.toFixed(2)} ± ${spread.toFixed(2)}`,
        columns['against the reference'],
      ]);
  }
  const head = ['setting', 'top-1, %', 'difference from the first row, points'];
  const names = { AlexNet: 'AlexNet-BN' };
  // A table alone needs no name: the page names its network.
  const text = tables.map(({ network, lines }) =>
    [
      ...(tables.length === 1 ? [] : [`**A small version of ${names[network] ?? network}:**`]),
      lined([head, ...lines]),
    ].join('\n\n'),
  );
  const [steps, images] = rows[0].scale.match(/([\d,]+) steps of (\d+)/).slice(1);
  const noun = tables.length === 1 ? 'table' : 'tables';
  return `${text.join('\n\n')}

Each setting in the ${noun} was trained on CIFAR-10 with ${rows[0].seeds.length} seeds, for ${steps} steps. Each training step takes ${images} images. The number after “±” is the standard deviation over the seeds. The brackets in the ${noun} contain 95 % confidence intervals. The differences were computed before the accuracies were rounded. The command \`pnpm bench:reproduce --profile cifar10 --only ${stage}\` made the ${noun}.
`;
}

/** How the accuracy with `optimal` compares with that with `middle-out`. */
export function optimalPage(committed) {
  const claims = bothNetworks(committed, 'optimal');
  const rows = claims.map(({ text, pairs }, i) => [['AlexNet-BN', 'MobileNet'][i], text, pairs]);
  return `The table shows the accuracy with the rule \`optimal\` minus that with the rule \`middle-out\`, both with weights of 1.4 bits, in points:

${lined([['network', 'difference', 'seeds'], ...rows])}

The brackets in the table contain 95 % confidence intervals. Each seed was used for a training with the rule \`optimal\` and for a training with the rule \`middle-out\`.
`;
}

/** How the accuracy with 1.4 bits compares with that with 2 bits. */
export function equalityPage(committed) {
  const names = ['weights', 'weights and inputs'];
  const rows = equalClaims(committed).map((claims, i) => [
    names[i],
    ...claims.map(({ text }) => text),
  ]);
  return `${lined([['1.4 bits instead of 2 bits for', 'AlexNet-BN', 'MobileNet'], ...rows])}

The table shows the accuracy with 1.4 bits minus that with 2 bits, in points. The brackets in the table contain 90 % confidence intervals. The command \`${plan}\` computed the differences in the table.
`;
}

/** What a circuit needs: the claims of the report on CIFAR-10, on both networks or on AlexNet-BN alone. */
function circuitNeeds(results) {
  const both = (id) =>
    ['AlexNet', 'MobileNet'].map((name) => numbersOf(claimOf(results, `${id} ${name}`)));
  return {
    onceForAllImages: both('q1'),
    twoBits: both('q8'),
    position: numbersOf(claimOf(results, 'q2')),
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
    verdict: `At most ${Math.max(...losses).toFixed(1)} points for each change that a circuit needs, as a mean over the seeds`,
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

/** What a circuit needs, as a table with intervals; each paragraph on one line. */
function circuitTable(results) {
  const { onceForAllImages, twoBits, position } = circuitNeeds(results);
  const seeds = new Set([...onceForAllImages, ...twoBits, position].map((claim) => claim.seeds));
  if (seeds.size !== 1) throw new Error('what a circuit needs: expected equally many seeds');
  const texts = (claims) => claims.map(({ text }) => text);
  return [
    `The table shows how the accuracy changes, in percentage points, if a network is adapted to the needs of a circuit. The brackets in the table contain 90 % confidence intervals. Each row of the table is compared with the setting of the HBNN paper. In the setting of the HBNN paper, each weight has its own number of bits. For each image, the networks of the HBNN paper choose anew how many bits each layer input gets. Each setting in the table was trained with ${[...seeds][0]} seeds. The command \`${reportCommand}\` computed the changes of the accuracy that the table shows.`,
    '',
    lined([
      ['what the circuit needs', 'AlexNet-BN', 'MobileNet'],
      ['inputs of 1.4 bits, chosen once for all images', ...texts(onceForAllImages)],
      ['2 bits for every input', ...texts(twoBits)],
      ['weights of 1.4 bits, one bitwidth for each kernel position', position.text, 'not tested'],
    ]),
  ].join('\n');
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
    question: 'Does a circuit get smaller with fewer bits per weight?',
    verdict:
      claim.verdict === 'holds'
        ? 'Yes'
        : 'Yes, if the weights at a kernel position share a bitwidth; otherwise hardly',
    sentences: [
      `With 1.4 instead of 2 bits, a circuit of the VGG-like network CNV takes ${network.luts} times the lookup tables and ${network.cycles} times the clock cycles.`,
      'In the circuit of the network CNV, the weights are random, and those at one kernel position share a bitwidth.',
      `If each weight has its own bitwidth, the circuit of a layer takes ${layer.fifths} times as many lookup tables with 1.4 bits as with 2 bits.`,
      'If each weight has its own bitwidth and its own logic, we estimate about equal circuit areas for 1.4 and 2 bits.',
    ],
    command: 'pnpm bench:networks; pnpm bench:lanes; pnpm bench:reproduce --only table2',
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
  ];
}

/** The outcomes for the README, a paragraph and a list each, each line within 120 columns. */
function outcomesText(committed) {
  return outcomes(committed)
    .map(({ question, verdict, sentences }) => {
      const list = sentences.map((sentence) => wrapped(`- ${sentence}`, '  '));
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
