// Where and how numbers of the committed benches were measured.

/** Rows of a name and a value in a part that opens: where numbers come from. */
export const details = (rows) =>
  [
    '<details>',
    '<summary>How the numbers were made</summary>',
    '',
    '| what | value |',
    '| --- | --- |',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
    '</details>',
  ].join('\n');

/** Notes of measurements in words that stand alone. */
const plainNotes = [
  [/ Minima say most\.$/, ''],
  ['Nothing else ran beside this.', 'No other program ran during the measurement.'],
  [
    'Other work ran beside this at lower priority (the load average was 30 to 50), and ',
    'During the measurement, other programs ran at lower priority (load average 30 to 50). In the measurement, ',
  ],
  [
    'each of two threads was kept to a core of its own',
    'two threads always ran on two separate processor cores',
  ],
  [
    'the workers of each page were set to the two cores in turn',
    'the worker threads of a web page were assigned to the two processor cores in turn',
  ],
];

/** Where and how a bench's rows were measured. */
export function measuredLine({ provenance, note }, rows = []) {
  const { command, backend } = provenance;
  const plain = plainNotes.reduce((text, [from, to]) => text.replace(from, to), note ?? '');
  const engine = [backend.startsWith('Chromium') ? 'browser' : 'backend', backend];
  return `${plain === '' ? '' : `${plain}\n\n`}${details([
    ['command', `\`${command.replace(/ --note .*/, '')}\``],
    ['commit', provenance.commit.slice(0, 7)],
    ...rows,
    ['machine', provenance.machine],
    ['Node', provenance.node],
    ...(backend === 'none' ? [] : [engine]),
  ])}`;
}
