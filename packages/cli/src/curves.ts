import type { MetricsLine } from '@hbnn/train/metrics';
import { chartConfig, drawSvg, escapeHtml, pageStyle } from './drawing.ts';

/** A run's metrics under the name its curve has. */
export interface RunMetrics {
  readonly name: string;
  readonly lines: readonly MetricsLine[];
  /** Accuracy on the test images at the run's end, 0 … 1; undefined where it has not ended. */
  readonly testAccuracy?: number;
}

interface Panel {
  readonly title: string;
  /** What is drawn, by the kind of line. */
  readonly values: Readonly<Partial<Record<'training' | 'validation', keyof MetricsLine>>>;
  /** What the values are multiplied by. */
  readonly factor: number;
  readonly about: string;
}

const panels: readonly Panel[] = [
  {
    title: 'loss',
    factor: 1,
    about: 'cross-entropy in nats',
    values: { training: 'loss', validation: 'validationLoss' },
  },
  {
    title: 'accuracy (%)',
    factor: 100,
    about: 'top-1',
    values: { training: 'accuracy', validation: 'validationAccuracy' },
  },
  {
    title: 'learning rate',
    factor: 1,
    about: 'of each step',
    values: { training: 'learningRate' },
  },
];

interface Point {
  readonly run: string;
  readonly kind: string;
  readonly step: number;
  readonly y: number;
}

function pointsOf({ values, factor }: Panel, runs: readonly RunMetrics[]): Point[] {
  return runs.flatMap(({ name, lines }) =>
    Object.entries(values).flatMap(([kind, field]) =>
      lines.flatMap((line) => {
        const value = line[field];
        if (value === undefined) return [];
        return [{ run: name, kind, step: line.step, y: factor * value }];
      }),
    ),
  );
}

/** A line over the steps for each run and kind, with points where there are few. */
function spec(panel: Panel, points: readonly Point[], runs: readonly RunMetrics[]): object {
  const names = runs.map(({ name }) => name);
  const kinds = [...new Set(points.map(({ kind }) => kind))];
  const runLegend = names.length === 1 ? null : { symbolType: 'stroke', symbolSize: 300 };
  return {
    width: 780,
    height: 230,
    data: { values: points },
    config: chartConfig,
    layer: [
      {
        mark: { type: 'line' },
        // Earlier runs are drawn wider, so that one that lies exactly on another leaves both to be seen.
        encoding: {
          strokeWidth: {
            field: 'run',
            type: 'ordinal',
            sort: null,
            scale: widthScale(names),
            // Vega-Lite merges the legends of one field: one that is off turns that of the colors off too.
            legend: runLegend,
          },
        },
      },
      {
        transform: [{ filter: "datum.kind === 'validation'" }],
        mark: { type: 'point', filled: true, size: 36, opacity: 1 },
      },
    ],
    encoding: {
      x: { field: 'step', type: 'quantitative', title: 'step', axis: { tickMinStep: 1 } },
      y: { field: 'y', type: 'quantitative', title: panel.title, scale: { zero: false } },
      color: {
        field: 'run',
        type: 'nominal',
        scale: { domain: names },
        legend: runLegend,
      },
      strokeDash: {
        field: 'kind',
        type: 'nominal',
        scale: { domain: ['training', 'validation'], range: [[], [5, 3]] },
        legend:
          kinds.length === 1
            ? null
            : {
                symbolType: 'stroke',
                symbolSize: 300,
                // A stroke without a color of its own is not drawn.
                encode: { symbols: { update: { stroke: { value: '#374151' } } } },
              },
      },
    },
  };
}

const [lineWidth, widerBy, maxWidth] = [1.6, 2, 9];

function widthScale(names: readonly string[]): object {
  const step = Math.min(widerBy, (maxWidth - lineWidth) / Math.max(1, names.length - 1));
  return { domain: names, range: names.map((_, i) => lineWidth + step * (names.length - 1 - i)) };
}

/** Where each run stands after its last line. */
function table(runs: readonly RunMetrics[]): string {
  const number = (text: string): string => `<td class="number">${text}</td>`;
  const percent = (value: number | undefined): string =>
    value === undefined ? '–' : (100 * value).toFixed(2);
  const rows = runs.map(({ name, lines, testAccuracy }) => {
    const last = lines[lines.length - 1];
    const validated = lines.flatMap(({ validationAccuracy: a }) => (a === undefined ? [] : [a]));
    const best = validated.length === 0 ? undefined : Math.max(...validated);
    const accuracies = [testAccuracy, best, last.accuracy].map(percent);
    const cells = [`${last.step}`, last.loss.toFixed(4), ...accuracies];
    const seconds = last.seconds === undefined ? '–' : last.seconds.toFixed(1);
    return `<tr><td>${escapeHtml(name)}</td>${[...cells, seconds].map(number).join('')}</tr>`;
  });
  const heads = [
    'run',
    'steps',
    'training loss',
    'test accuracy (%)',
    'best validation accuracy (%)',
    'training accuracy (%)',
    'seconds',
  ];
  const head = heads.map((text) => `<th>${text}</th>`).join('');
  return `<div class="table"><table><thead><tr>${head}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}

/** The curves of some runs as one self-contained page; what no run has recorded is left out. */
export async function curvesPage(runs: readonly RunMetrics[]): Promise<string> {
  const figures: string[] = [];
  for (const panel of panels) {
    const points = pointsOf(panel, runs);
    if (points.length === 0) continue;
    const svg = await drawSvg(spec(panel, points, runs));
    const about = `${panel.title}: ${panel.about}`;
    figures.push(
      `<figure role="img" aria-label="${escapeHtml(about)}">${svg}<figcaption>${escapeHtml(about)}</figcaption></figure>`,
    );
  }
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>HBNN training curves</title><link rel="icon" href="data:,"><style>${pageStyle}</style></head><body>
<h1>Training curves</h1>
${table(runs)}
${figures.join('\n')}
<p><small>Training loss and accuracy are means over the epoch so far, on the images as they were seen. A dash stands for what a run
has not: a test accuracy is there once it has ended, a validation accuracy with --validation.</small></p>
</body></html>
`;
}
