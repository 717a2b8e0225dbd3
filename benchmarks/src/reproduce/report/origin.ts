import { rowsText } from './listText.ts';
import { dataSets, sources } from './scales.ts';
import type { Report, StageReport } from './stageReport.ts';

/** Where numbers come from: a title, and rows of a name and a value in Markdown. */
export interface Origin {
  readonly title: string;
  readonly rows: readonly (readonly [what: string, value: string])[];
}

/** A commit with the seven digits that name it, and what else is said of it. */
const shortCommit = (commit: string): string => commit.replace(/^([0-9a-f]{7})[0-9a-f]+/, '$1');

/** Date, commit, machine and data set of a report in one line, for its first page. */
export function originLine({ stages }: Report): string {
  const distinct = (of: (stage: StageReport) => string): string[] => [...new Set(stages.map(of))];
  const parts: readonly (readonly [one: string, several: string, values: readonly string[]])[] = [
    ['date', 'dates', distinct(({ provenance }) => provenance.date)],
    ['commit', 'commits', distinct(({ provenance }) => shortCommit(provenance.commit))],
    ['machine', 'machines', distinct(({ provenance }) => provenance.machine)],
    ['data set', 'data sets', dataSets(stages)],
  ];
  return parts
    .filter(([, , values]) => values.length > 0)
    .map(([one, several, values]) => `${values.length === 1 ? one : several} ${values.join('; ')}`)
    .join(' · ');
}

function rowsOf({ provenance: p }: StageReport, backend: string): Origin['rows'] {
  return [
    ['command', `\`${p.command}\``],
    ['commit', shortCommit(p.commit)],
    ['date', p.date],
    ['machine', p.machine],
    ['Node', p.node],
    ...(backend === 'none needed' ? [] : [['backend of the trainings', backend] as const]),
  ];
}

/** What stands on the part that opens to show an origin. */
export const originTitle = ({ title, rows }: Origin): string =>
  `${title} (${rowsText(rows.length)})`;

/** The origin that all stages of a report have but for their backend, which is named if a stage trained with it. */
export function sharedOrigin({ stages }: Report): Origin | undefined {
  const backends = new Set(stages.map(({ provenance }) => provenance.backend));
  const trained = [...backends].filter((backend) => backend !== 'none needed');
  const backend = (trained.length > 0 ? trained : [...backends]).join(', ');
  const all = new Map(
    stages.map((stage) => {
      const rows = rowsOf(stage, backend);
      return [JSON.stringify(rows), rows];
    }),
  );
  const [rows] = all.values();
  return all.size === 1 ? { title: 'Command and machine of this report', rows } : undefined;
}

/** A stage's own origins: of numbers that other commands made, and of all unless the report has one for all stages. */
export function ownOrigins(report: Report, stage: StageReport): Origin[] {
  const made = sources(stage);
  return [
    ...(made.length === 0
      ? []
      : [{ title: 'The commands that measured the circuits, and their git commits', rows: made }]),
    ...(sharedOrigin(report) === undefined
      ? [
          {
            title: 'Command and machine of this section',
            rows: rowsOf(stage, stage.provenance.backend),
          },
        ]
      : []),
  ];
}
