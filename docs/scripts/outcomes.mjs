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

/** '−0.04 and −0.09' */
const inShort = ([alexnet, mobilenet]) => `${alexnet.difference} and ${mobilenet.difference}`;

/** '−0.04 (−0.47 … +0.39) points on AlexNet-BN and −0.09 (−0.67 … +0.49) on MobileNet' */
const withIntervals = ([alexnet, mobilenet]) =>
  `${alexnet.text} points on AlexNet-BN and ${mobilenet.text} on MobileNet`;

/** Is 1.4 bits the accuracy of 2? */
function equality(committed) {
  const [weights, both] = ['1.4-is-2', '1.4-is-2-inputs'].map((id) => bothNetworks(committed, id));
  return {
    question: 'Do 1.4 bits reach the accuracy of 2 bits?',
    verdict: answer([...weights, ...both], 'Yes, within a point'),
    text: `Weights of 1.4 bits instead of 2 bits change the top-1 accuracy on CIFAR-10 by ${withIntervals(weights)}; weights and inputs of 1.4 bits instead of 2 change it by ${withIntervals(both)} (90 % confidence intervals in brackets).`,
    command: plan,
  };
}

/** Is it better than one bit? */
function overOne(committed) {
  const [weights, both] = ['above-1', 'above-1-inputs'].map((id) => bothNetworks(committed, id));
  return {
    question: 'Are 1.4 bits better than 1 bit?',
    verdict: answer([...weights, ...both], 'Yes'),
    text: `Weights of 1.4 bits instead of 1 bit change the accuracy by ${differences(weights)}; weights and inputs of 1.4 bits instead of 1 bit change it by ${differences(both)}.`,
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
    text: `The accuracy with middle-out minus that with a random choice of bits is ${differences(random)}; minus that with bottom-up (more bits for large weights) it is ${inShort(rules[0])}, and minus that with top-down (more bits for small weights) ${inShort(rules[1])}.`,
    command: plan,
  };
}

/** Is middle-out the best rule? */
function better(committed) {
  const claims = bothNetworks(committed, 'optimal');
  return {
    question: 'Is there a better rule than middle-out?',
    verdict: answer(claims, 'Yes, the rule “optimal”'),
    text: `At 1.4 bits, the accuracy with “optimal”, which chooses the bits, signs and scales of a layer together, minus that with middle-out is ${differences(claims)}.`,
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

const probability = (p) => (p < 0.001 ? '< 0.001' : p.toFixed(p < 0.01 ? 3 : 2));

/** The same comparisons with the judgement of all of them together, for the page about rules. */
export function plannedPage(committed) {
  const rows = comparisonRows(committed, 'verdict');
  const together = comparisonRows(committed, 'holm');
  const holm = (row) =>
    `${row.verdict === 'interim' ? 'open' : row.verdict} (${row.claims.map(({ pHolm }) => probability(Number(pHolm))).join(', ')})`;
  const { pairsForAll } = rows[0].claims[0];
  return `${lined([
    ['comparison', 'AlexNet-BN', 'MobileNet', 'own test', 'all together'],
    ...rows.map(({ name, claims, verdict }, i) => [
      name,
      ...claims.map(({ text }) => text),
      verdict,
      holm(together[i]),
    ]),
  ])}

For each comparison of two settings, both settings were trained with ${pairsOf(rows)} seeds so far. The last column judges all comparisons together: Holm’s correction makes each test stricter because there are many tests. The judgement of all comparisons together needs ${pairsForAll} seeds and is open until then. In brackets, the last column has the corrected p-values so far, first for AlexNet-BN and then for MobileNet.
`;
}

/** A stage of the cifar10 report that varies one thing at a time, as a table against its references. */
export function variantsPage(committed, stage, reference) {
  const results = JSON.parse(readFileSync(join(committed, 'cifar10', 'results.json'), 'utf8'));
  const { rows } = results.stages.find((found) => found.stage === stage);
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
  const text = tables.map(
    ({ network, lines }) => `**${names[network] ?? network}:**\n\n${lined([head, ...lines])}`,
  );
  return `${text.join('\n\n')}

Each network was trained for ${rows[0].scale.match(/[\d,]+ steps of \d+/)[0]} images on CIFAR-10, with ${rows[0].seeds.length} seeds. The number after “±” is the standard deviation over the seeds. Brackets hold the 95 % interval of the difference between two settings. (Differences were taken before rounding.) The table was made by \`pnpm bench:reproduce --profile cifar10 --only ${stage}\`.
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
    text: `If the bits of a layer’s inputs are the same for all images, as a circuit needs, instead of chosen anew for each image, the accuracy changes by ${inputs.difference} points on AlexNet-BN and ${mobile.difference} on MobileNet with 1.4 bits on average, and by ${inShort(twoBits)} with 2 bits for every input; one bitwidth for all weights at a kernel position changes that of AlexNet-BN by ${weights.difference}.`,
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
    fifths: of('1.4 / 1', 'groups of 5'),
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
        : 'Yes, if the weights at a kernel position share a bitwidth; otherwise hardly',
    text: `With 1.4 instead of 2 bits, a VGG-8 with random weights, synthesized with one bitwidth for each kernel position, takes ${network.luts} times the LUTs (look-up tables of an FPGA) and ${network.cycles} times the cycles; if each weight has its own bitwidth, a folded layer takes ${layer.fifths} times the LUTs, and an unrolled layer, by our estimate, ${ratio('1.4')} instead of ${ratio('2')} times its area with 1 bit.`,
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
