// What came out, in a sentence each: made of the committed results alone, for the home page.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

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
  return { difference, low, high, seeds };
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

const bothNetworks = (committed, id) =>
  ['alexnet', 'mobilenet'].map((network) => planned(committed, `${network}-${id}`));

const answer = (claims, yes) => {
  const verdicts = claims.map(({ verdict }) => verdict);
  if (verdicts.every((verdict) => verdict === 'holds')) return yes;
  if (verdicts.every((verdict) => verdict === 'does not hold')) return 'No';
  return verdicts.includes('interim') ? 'Not decided yet' : 'Not on both networks';
};

/** '−0.04 points on AlexNet-BN and −0.09 on MobileNet' */
const differences = ([alexnet, mobilenet]) =>
  `${alexnet.difference} points on AlexNet-BN and ${mobilenet.difference} on MobileNet`;

/** '−0.04 (−0.47 … +0.39) points on AlexNet-BN and −0.09 (−0.67 … +0.49) on MobileNet' */
const withIntervals = ([alexnet, mobilenet]) =>
  `${alexnet.text} points on AlexNet-BN and ${mobilenet.text} on MobileNet`;

/** Is 1.4 bits the accuracy of 2? */
function equality(committed) {
  const [weights, both] = ['1.4-is-2', '1.4-is-2-inputs'].map((id) => bothNetworks(committed, id));
  return {
    question: 'Do 1.4 bits reach the accuracy of 2 bits?',
    verdict: answer([...weights, ...both], 'Yes, within a point'),
    text: `Weights of 1.4 bits instead of 2 bits change the top-1 accuracy on CIFAR-10 by ${withIntervals(weights)}. If both the weights and the inputs of the layers have 1.4 bits instead of 2, the accuracy changes by ${withIntervals(both)}. The brackets after each change in accuracy hold its 90 % confidence interval.`,
    command: plan,
  };
}

/** Is it better than one bit? */
function overOne(committed) {
  const [weights, both] = ['above-1', 'above-1-inputs'].map((id) => bothNetworks(committed, id));
  return {
    question: 'Are 1.4 bits better than 1 bit?',
    verdict: answer([...weights, ...both], 'Yes'),
    text: `Weights of 1.4 bits instead of 1 bit change the accuracy by ${differences(weights)}. Weights and inputs of 1.4 bits instead of 1 bit change the accuracy by ${differences(both)}.`,
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
    question: 'Is middle-out, the paper’s rule, better than other rules?',
    verdict: `${answer(random, 'Better than a random choice')}; ${others}`,
    text: `Middle-out gives more bits to weights whose magnitude is far from the mean magnitude. The accuracy of middle-out is higher than that of a random choice of bits by ${differences(random)}. The rule bottom-up gives more bits to large weights; the accuracy of middle-out minus that of bottom-up is ${differences(rules[0])}. The rule top-down gives more bits to small weights; the accuracy of middle-out minus that of top-down is ${differences(rules[1])}.`,
    command: plan,
  };
}

/** Is middle-out the best rule? */
function better(committed) {
  const claims = bothNetworks(committed, 'optimal');
  return {
    question: 'Is there a better rule than middle-out?',
    verdict: answer(claims, 'Yes, the rule “optimal”'),
    text: `The rule “optimal” chooses the bits, signs and scales of all weights of a layer together. At 1.4 bits the accuracy of “optimal” is higher than that of middle-out by ${differences(claims)}.`,
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

/** The comparisons of the plan as a table, and what its numbers are. */
function comparisonTable(committed) {
  const rows = comparisonRows(committed, 'verdict');
  const open = rows.flatMap(({ claims }) => claims).find(({ holm }) => holm === 'interim');
  return [
    wrapped(
      `The table shows all comparisons of settings that our experiment plan “cifar” fixed before its trainings. For each comparison of two settings, both settings were trained with the same ${pairsOf(rows)} seeds. The numbers in the table are mean differences in top-1 accuracy on CIFAR-10 (first setting minus second) in percentage points, with confidence intervals in brackets.`,
    ).replaceAll('\n  ', '\n'),
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
    wrapped(
      `Two settings count as equal if the 90 % interval of their difference lies within ±1 point (two one-sided t tests at 5 %). A setting counts as better than another if the 95 % interval of the difference lies above 0.${open ? ` A stricter test of all comparisons together (Holm’s correction) will follow once each setting has been trained with ${open.pairsForAll} seeds.` : ''}`,
    ).replaceAll('\n  ', '\n'),
  ].join('\n');
}

const probability = (p) => (p < 0.001 ? 'below 0.001' : p.toFixed(p < 0.01 ? 3 : 2));

/** The same comparisons with the judgement of all of them together, for the page about rules. */
export function plannedPage(committed) {
  const rows = comparisonRows(committed, 'verdict');
  const together = comparisonRows(committed, 'holm');
  const holm = (row) =>
    `${row.verdict === 'interim' ? 'open' : row.verdict}: p ${row.claims.map(({ pHolm }) => probability(Number(pHolm))).join(' and ')}`;
  const { pairsForAll } = rows[0].claims[0];
  return `${lined([
    ['comparison', 'AlexNet-BN', 'MobileNet', 'by its own test', 'all together (Holm)'],
    ...rows.map(({ name, claims, verdict }, i) => [
      name,
      ...claims.map(({ text }) => text),
      verdict,
      holm(together[i]),
    ]),
  ])}

For each comparison of two settings, both settings were trained with ${pairsOf(rows)} seeds so far. The last column judges all comparisons together: Holm’s correction makes each test stricter because there are many tests. The judgement of all comparisons together needs ${pairsForAll} seeds and is open until then. The last column shows the corrected p-values so far, first for AlexNet-BN and then for MobileNet.
`;
}

/** A stage of the cifar10 report that varies one thing at a time, as a table against its references. */
export function variantsPage(committed, stage, reference) {
  const results = JSON.parse(readFileSync(join(committed, 'cifar10', 'results.json'), 'utf8'));
  const { rows } = results.stages.find((found) => found.stage === stage);
  let network = '';
  const lines = [];
  for (const { label, ours, spread, columns } of rows) {
    const own = label.startsWith('– ');
    if (!own) network = label.split(' ')[0];
    lines.push([
      network,
      own ? label.slice(2) : reference,
      `${ours.toFixed(2)} ± ${spread.toFixed(2)}`,
      columns['against the reference'],
    ]);
  }
  return `${lined([['network', 'setting', 'top-1, %', 'difference from the first row, points'], ...lines])}

Each network was trained for ${rows[0].scale.match(/[\d,]+ steps of \d+/)[0]} images on CIFAR-10, with ${rows[0].seeds.length} seeds. The number after “±” is the standard deviation over the seeds. Brackets hold the 95 % interval of the difference between two settings. The table was made by \`pnpm bench:reproduce --profile cifar10 --only ${stage}\`.
`;
}

/** The answer about 1.4 and 2 bits, as the home page has it. */
/** How the accuracy with `optimal` compares with that with `middle-out`, in two sentences. */
export function optimalPage(committed) {
  const claims = bothNetworks(committed, 'optimal');
  const seeds = claims.map(({ pairs }) => pairs);
  return `At 1.4 bits, the accuracy with \`optimal\` minus that with \`middle-out\` is ${withIntervals(claims)}. The brackets hold 95 % confidence intervals over ${seeds[0]} seeds on AlexNet-BN and ${seeds[1]} on MobileNet, and each seed was trained with both rules.\n`;
}

export const equalityPage = (committed) => `${equality(committed).text}\n`;

function buildable(results) {
  const inputs = numbersOf(claimOf(results, 'q1 AlexNet'));
  const mobile = numbersOf(claimOf(results, 'q1 MobileNet'));
  const weights = numbersOf(claimOf(results, 'q2'));
  const twoBits = ['AlexNet', 'MobileNet'].map((name) => numbersOf(claimOf(results, `q8 ${name}`)));
  const losses = [inputs, mobile, weights].map(({ difference }) =>
    Math.max(0, -Number(difference.replace('−', '-'))),
  );
  return {
    question: 'How much accuracy is lost when a network must become a circuit?',
    verdict: `Up to ${Math.max(...losses).toFixed(1)} points`,
    text: `The paper, as we read it, chooses anew for each image how many bits each input of a layer gets. A circuit must give an input the same number of bits in every image. If each input channel has a fixed number of bits, 1.4 on average, instead of bits chosen for each image, the accuracy changes by ${inputs.difference} points on AlexNet-BN and ${mobile.difference} on MobileNet. If every input has 2 bits in all images, instead of 1.4 bits on average chosen for each image, the accuracy changes by ${twoBits[0].difference} points on AlexNet-BN and ${twoBits[1].difference} on MobileNet. Some circuits also need the same number of bits in all filters of a layer at the same position of the kernel. If all weights at the same kernel position share one number of bits, instead of each having its own, the accuracy of AlexNet-BN changes by ${weights.difference} points.`,
    command: 'pnpm bench:reproduce --profile cifar10',
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
    shared: of('1.4 / 1', 'position'),
    fifths: of('1.4 / 1', 'groups of 5'),
    thirds: of('1.33 / 1', 'groups of 3'),
  };
}

function area(committed, results) {
  const claim = claimOf(results, '5f');
  const ratio = (bits) => {
    const found = new RegExp(`(?<![.\\d])${bits} bits? (\\d+\\.\\d+)`).exec(claim.because);
    if (!found) throw new Error(`claim 5f: no ratio at ${bits} bits in '${claim.because}'`);
    return found[1];
  };
  const network = wholeNetwork(committed);
  const layer = atEqualSpeed(committed);
  return {
    question: 'Does a circuit shrink with the average bits?',
    verdict:
      claim.verdict === 'holds'
        ? 'Yes'
        : 'Yes, if all weights at the same kernel position have the same number of bits; otherwise hardly',
    text: `The area of an FPGA circuit is its number of look-up tables (LUTs). We synthesized VGG-8 with random weights as a folded circuit, which reuses its arithmetic units over many cycles; the circuit was not placed and routed. In the VGG-8 circuit, the weights at one position of a kernel share their number of bits. With weights and inputs of 1.4 bits, the VGG-8 circuit takes ${network.luts} times the LUTs and ${network.cycles} times the cycles per image of the same circuit with 2 bits. A single folded layer whose weights have 1.4 bits on average, with one bitwidth for all weights at a kernel position, takes ${layer.shared} times the LUTs of an equally fast layer with 2-bit weights. If each weight has its own number of bits, a folded layer with 1.4-bit weights takes ${layer.fifths} times the LUTs of a layer with 2-bit weights; with 1.33-bit weights it takes ${layer.thirds} times the LUTs. An unrolled circuit has separate logic for every weight. In an unrolled circuit, 1.4 bits save hardly any area compared with 2 bits. By our estimate, an unrolled layer with weights and inputs of 1.4 bits takes ${ratio('1.4')} times the area of the same layer with 1 bit, and with 2 bits ${ratio('2')} times.`,
    command: 'pnpm bench:networks; pnpm bench:lanes; pnpm bench:reproduce --only table2',
  };
}

/** All outcomes, in the order that a reader asks. */
export function outcomes(committed) {
  const results = JSON.parse(readFileSync(join(committed, 'cifar10', 'results.json'), 'utf8'));
  return [
    equality(committed),
    overOne(committed),
    middleOut(committed),
    better(committed),
    buildable(results),
    area(committed, results),
  ];
}

/** The outcomes as a list for the README, each line within 120 columns. */
function outcomesText(committed) {
  return outcomes(committed)
    .map(({ question, verdict, text }) => wrapped(`- **${question}** ${verdict}. ${text}`))
    .join('\n');
}

function wrapped(text) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines[lines.length - 1];
    if (line.length + word.length < 120)
      lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
    else lines.push(`  ${word}`);
  }
  return lines.join('\n');
}

/** The README with the outcomes as the committed results have them. */
export function withOutcomes(readme, committed) {
  const [head, end] = ['results -->\n', '<!-- end of outcomes -->'];
  const from = readme.indexOf(head) + head.length;
  return `${readme.slice(0, from)}\n${outcomesText(committed)}\n\n${comparisonTable(committed)}\n\n${readme.slice(readme.indexOf(end))}`;
}
