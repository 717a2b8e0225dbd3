// Tables of what came out, made of the committed results alone, for the README and the site.
import {
  bothNetworks,
  circuitNeeds,
  equalClaims,
  plan,
  reportCommand,
  reportOn,
} from './claims.mjs';

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
    `For a verdict, two settings count as equal if the 90 % confidence interval of their difference lies within ±1 point. A setting counts as better than another if the 95 % confidence interval of the difference lies above 0. Before the first training, the plan chose the first ${rows[0].claims[0].pairsAlone} seeds for the verdicts. The brackets use all seeds. So a comparison can stay undecided although its brackets lie above 0.${open ? ` A stricter test (Holm's correction), which judges all comparisons together, needs ${open.pairsForAll} seeds for each setting. Some settings have not been trained with all ${open.pairsForAll} seeds yet.` : ''}`,
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

/** What a circuit needs, as a table with intervals; each paragraph on one line. */
export function circuitTable(results) {
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
