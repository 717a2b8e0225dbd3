import type { Report, StageReport } from './stageReport.ts';

/** Where the numbers of a stage, or of all stages of a report, come from. */
export interface Origin {
  readonly text: string;
  readonly command: string;
}

function originOf({ provenance: p }: StageReport, backend: string): Origin {
  const commit = p.commit.replace(/^([0-9a-f]{7})[0-9a-f]+/, '$1');
  const text = `commit ${commit}; ${p.date}; ${p.machine}; Node ${p.node}; backend ${backend}`;
  return { text, command: p.command };
}

/** The origin that all stages of a report have but for their backend, which is named if a stage trained with it. */
export function sharedOrigin({ stages }: Report): Origin | undefined {
  const backends = new Set(stages.map(({ provenance }) => provenance.backend));
  const trained = [...backends].filter((backend) => backend !== 'none needed');
  const backend = (trained.length > 0 ? trained : [...backends]).join(', ');
  const all = stages.map((stage) => originOf(stage, backend));
  const isShared = new Set(all.map((origin) => JSON.stringify(origin))).size === 1;
  return isShared ? all[0] : undefined;
}

/** A stage's own origin; undefined if the report says one for all stages. */
export const ownOrigin = (report: Report, stage: StageReport): Origin | undefined =>
  sharedOrigin(report) === undefined ? originOf(stage, stage.provenance.backend) : undefined;
