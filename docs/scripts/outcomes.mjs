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
    text: `${difference} points (${low} … ${high}; ${row.pairs} pairs)`,
  };
}

/** What is still open of claims that are judged by their own test alone. */
const correction = (claims, isFirst) =>
  claims.every(({ holm }) => holm !== 'interim')
    ? ''
    : ` ${isFirst ? 'Each answer is from the test that was planned for it alone. The stricter judgement of all planned tests together (Holm’s correction) waits for more seeds' : 'The stricter judgement waits here too'}.`;

const answer = (claims, yes) => {
  const verdicts = claims.map(({ verdict }) => verdict);
  if (verdicts.every((verdict) => verdict === 'holds')) return yes;
  if (verdicts.every((verdict) => verdict === 'does not hold')) return 'No';
  return verdicts.includes('interim') ? 'Not decided yet' : 'Not on both networks';
};

/** Why one question has a 90 % interval and another one a 95 % interval. */
const equalInterval =
  'Brackets hold the 90 % interval: two settings are equal when it lies within ±1 point, because equality takes two one-sided tests at 5 % each.';
const betterInterval =
  'Brackets hold the 95 % interval: one setting is better when it lies above 0, because that takes one two-sided test at 5 %.';

/** Is 1.4 bits the accuracy of 2? */
function equality(committed) {
  const names = ['alexnet-1.4-is-2', 'mobilenet-1.4-is-2'];
  const weights = names.map((id) => planned(committed, id));
  const both = names.map((id) => planned(committed, `${id}-inputs`));
  const claims = [...weights, ...both];
  const texts = ([alexnet, mobilenet]) => `AlexNet-BN ${alexnet.text}, MobileNet ${mobilenet.text}`;
  return {
    question: 'Do 1.4 bits reach the accuracy of 2 bits?',
    verdict: answer(claims, 'Yes, within a point'),
    text: `The numbers are the accuracy at 1.4 bits minus that at 2 bits, on CIFAR-10. With only the weights binarized: ${texts(weights)}. With weights and inputs binarized: ${texts(both)}. ${equalInterval}${correction(claims, true)}`,
    command: 'pnpm bench:reproduce --plan-report cifar',
  };
}

/** Is middle-out the best rule? */
function better(committed) {
  const claims = ['alexnet-optimal', 'mobilenet-optimal'].map((id) => planned(committed, id));
  const [alexnet, mobilenet] = claims;
  return {
    question: 'Is there a better rule than middle-out?',
    verdict: answer(claims, 'Yes, “optimal”'),
    text: `The rule “optimal” chooses bit map, signs and scales together. The numbers are its accuracy minus that of middle-out, at 1.4 bits on CIFAR-10: AlexNet-BN ${alexnet.text}, MobileNet ${mobilenet.text}. Brackets hold the 95 % interval again.${correction(claims, false)}`,
    command: 'pnpm bench:reproduce --plan-report cifar',
  };
}

function overOne(committed, results) {
  const claims = ['alexnet-above-1-inputs', 'mobilenet-above-1-inputs'].map((id) =>
    planned(committed, id),
  );
  const [alexnet, mobilenet] = claims;
  const { difference, low, high, seeds } = numbersOf(claimOf(results, '2b'));
  const holds = claimOf(results, '2b').verdict === 'holds';
  return {
    question: 'Are 1.4 bits better than 1 bit?',
    verdict: holds ? answer(claims, 'Yes') : 'Not shown',
    text: `The numbers are the accuracy at 1.4 bits minus that at 1 bit, on CIFAR-10. With weights and inputs binarized: AlexNet-BN ${alexnet.text}, MobileNet ${mobilenet.text}. With only the weights binarized: AlexNet-BN ${difference} points (${low} … ${high}; ${seeds} pairs). ${betterInterval}`,
    command: 'pnpm bench:reproduce --plan-report cifar; pnpm bench:reproduce --profile cifar10',
  };
}

function buildable(results) {
  const inputs = numbersOf(claimOf(results, 'q1 AlexNet'));
  const mobile = numbersOf(claimOf(results, 'q1 MobileNet'));
  const weights = numbersOf(claimOf(results, 'q2'));
  const losses = [inputs, mobile, weights].map(({ difference }) =>
    Math.max(0, -Number(difference.replace('−', '-'))),
  );
  return {
    question: 'How much accuracy goes when the network has to become a circuit?',
    verdict: `Up to ${Math.max(...losses).toFixed(1)} points`,
    text: `A fixed circuit needs one bit map of inputs for all images. This changes the accuracy by ${inputs.difference} points on AlexNet-BN, and by ${mobile.difference} on MobileNet. An efficient circuit also needs the same number of bits for all weights at one position of the kernel. This changes it by ${weights.difference} points on AlexNet-BN.`,
    command: 'pnpm bench:reproduce --profile cifar10',
  };
}

/** A whole CNV at 1.4 and at 2 bits, folded and synthesized: LUTs, and LUTs times cycles of an image, as shares. */
function wholeNetwork(committed) {
  const file = join(committed, 'hardware', 'networks.json');
  const { rows } = JSON.parse(readFileSync(file, 'utf8'));
  const [mixed, whole] = ['1.4/1.4', '2/2'].map((bits) => {
    const row = rows.find((found) => found.narrower === 1 && found.bits === bits);
    if (row?.synthesized === undefined) throw new Error(`${file}: no synthesized CNV of ${bits}`);
    const luts = row.synthesized.luts + row.synthesized.memoryLuts;
    return { luts, work: luts * row.cyclesPerImage };
  });
  const share = (of) => (mixed[of] / whole[of]).toFixed(2);
  return { luts: share('luts'), work: share('work') };
}

function area(committed, results) {
  const claim = claimOf(results, '5f');
  const ratio = (bits) => {
    const found = new RegExp(`(?<![.\\d])${bits} bit (\\d+\\.\\d+)`).exec(claim.because);
    if (!found) throw new Error(`claim 5f: no ratio at ${bits} bits in '${claim.because}'`);
    return found[1];
  };
  const network = wholeNetwork(committed);
  return {
    question: 'Does a circuit shrink with the average bits?',
    verdict: `${claim.verdict === 'holds' ? 'Yes' : 'Not if each weight has its own number of bits'}; it does if all weights at one position of the kernel have the same number`,
    text: `We compare a whole network, CNV, at 1.4 and at 2 bits. Both are folded circuits, and all weights at one position have the same number of bits. The one at 1.4 bits takes ${network.luts} of the LUTs, and ${network.work} of LUTs × cycles of the other (synthesized, not placed, random weights). If each weight has its own number of bits, an unrolled layer of 1.4 bits takes ${ratio('1.4')} times the area of a 1-bit layer. A layer of 2 bits takes ${ratio('2')} times that area.`,
    command: 'pnpm bench:networks; pnpm bench:reproduce --only table2',
  };
}

/** All outcomes, in the order that a reader asks. */
export function outcomes(committed) {
  const results = JSON.parse(readFileSync(join(committed, 'cifar10', 'results.json'), 'utf8'));
  return [
    equality(committed),
    overOne(committed, results),
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
  return `${readme.slice(0, from)}\n${outcomesText(committed)}\n\n${readme.slice(readme.indexOf(end))}`;
}
