import type { Report, StageReport } from './stageReport.ts';

/** Where the numbers of a stage, or of all stages of a report, come from, in sentences of Markdown. */
function originOf({ provenance: p }: StageReport, made: string, backend: string): string {
  const commit = p.commit.replace(/^([0-9a-f]{7})[0-9a-f]+/, '$1');
  const trained =
    backend === 'none needed' ? '' : ` Networks are trained with the backend ${backend}.`;
  return (
    `On ${p.date}, the command \`${p.command}\` made ${made} from commit ${commit}. The command ran on the machine ` +
    `“${p.machine}”, with Node ${p.node}.${trained}`
  );
}

/** The origin that all stages of a report have but for their backend, which is named if a stage trained with it. */
export function sharedOrigin({ stages }: Report): string | undefined {
  const backends = new Set(stages.map(({ provenance }) => provenance.backend));
  const trained = [...backends].filter((backend) => backend !== 'none needed');
  const backend = (trained.length > 0 ? trained : [...backends]).join(', ');
  const all = new Set(
    stages.map((stage) => originOf(stage, 'the numbers of this report', backend)),
  );
  return all.size === 1 ? [...all][0] : undefined;
}

/** A stage's own origin; undefined if the report says one for all stages. */
export const ownOrigin = (report: Report, stage: StageReport): string | undefined =>
  sharedOrigin(report) === undefined
    ? originOf(stage, 'the numbers of this section', stage.provenance.backend)
    : undefined;
