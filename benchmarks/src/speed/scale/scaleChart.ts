import { chartConfig } from '@hbnn/cli/drawing';
import type { Point } from './growth.ts';
import { type AxisName, axes } from './works.ts';

/** What is drawn of a work: its points, on its axis. */
export interface DrawnWork {
  readonly work: string;
  readonly axis: AxisName;
  readonly points: readonly Point[];
}

interface Panel {
  readonly axis: AxisName;
  readonly field: 'cpuSeconds' | 'peakMiB';
  readonly title: string;
}

/** Panels in the order in which they are read: time for each axis, and memory where it is much. */
const panels: readonly Panel[] = [
  { axis: 'parameters', field: 'cpuSeconds', title: 'processor time (s)' },
  { axis: 'parameters', field: 'peakMiB', title: 'memory (MiB)' },
  { axis: 'images', field: 'cpuSeconds', title: 'processor time (s)' },
  { axis: 'layers', field: 'cpuSeconds', title: 'processor time (s)' },
  { axis: 'circuit', field: 'cpuSeconds', title: 'processor time (s)' },
  { axis: 'circuit', field: 'peakMiB', title: 'memory (MiB)' },
];

/** Ticks of a logarithmic axis: the powers of ten, or of a short axis also 2 and 5 times these. */
function logTicks(values: readonly number[]): number[] {
  const first = Math.floor(Math.log10(Math.min(...values)));
  const last = Math.ceil(Math.log10(Math.max(...values)));
  const factors = last - first >= 2 ? [1] : [1, 2, 5];
  const powers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return powers.flatMap((power) => factors.map((factor) => Number(`${factor}e${power}`)));
}

/**
 * Time and memory over sizes, both in logarithms, so that a power law is a straight line.
 *
 * @param narrow for the screens of phones: the panels stand below each other
 */
export function scaleChart(rows: readonly DrawnWork[], narrow = false): object {
  const drawn = panels.flatMap((panel) => {
    const values = rows
      .filter(({ axis }) => axis === panel.axis)
      .flatMap(({ work, points }) =>
        points.map((point) => ({ work, size: point.size, y: point[panel.field] })),
      );
    if (values.length === 0) return [];
    const log = (format: string, field: 'size' | 'y'): object => ({
      scale: { type: 'log' },
      axis: { format, values: logTicks(values.map((value) => value[field])) },
    });
    return [
      {
        width: narrow ? 250 : 330,
        height: 230,
        data: { values },
        mark: { type: 'line', point: { filled: true, size: 40 } },
        encoding: {
          x: {
            field: 'size',
            type: 'quantitative',
            title: axes[panel.axis].title,
            ...log('~s', 'size'),
          },
          y: {
            field: 'y',
            type: 'quantitative',
            title: panel.title,
            ...log(panel.field === 'peakMiB' ? '~s' : '~g', 'y'),
          },
          color: {
            field: 'work',
            type: 'nominal',
            sort: null,
            legend: { orient: 'bottom', columns: 1 },
          },
        },
      },
    ];
  });
  return {
    concat: drawn,
    columns: narrow ? 1 : 2,
    resolve: { scale: { color: 'independent' } },
    config: chartConfig,
  };
}
