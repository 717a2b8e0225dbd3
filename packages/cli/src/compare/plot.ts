import { chartConfig, drawSvg } from '../drawing.ts';
import type { ComparisonResults } from './results.ts';

/** Draw each setting's seeds as dots, with the mean and its 95 % interval, as SVG text. */
export function comparisonPlot({ settings, data }: ComparisonResults): Promise<string> {
  const seeds = settings.flatMap(({ setting, accuracies }) =>
    accuracies.map((accuracy) => ({ setting, accuracy })),
  );
  const means = settings.map(({ setting, mean, interval95 }) => ({ setting, mean, ...interval95 }));
  const x = {
    field: 'setting',
    type: 'nominal',
    sort: settings.map(({ setting }) => setting),
    title: null,
    axis: { labelAngle: settings.length > 4 ? -35 : 0, labelLimit: 320 },
  };
  const y = (field: string): object => ({
    field,
    type: 'quantitative',
    title: 'top-1 (%)',
    scale: { zero: false, nice: true, padding: 12 },
  });
  return drawSvg({
    width: Math.max(240, 110 * settings.length),
    height: 280,
    title: {
      text: `${data}: seeds, means and 95 % intervals of the means`,
      fontSize: 12,
      fontWeight: 500,
    },
    config: chartConfig,
    layer: [
      {
        data: { values: means },
        mark: { type: 'rule', strokeWidth: 1.6, color: '#374151' },
        encoding: { x, y: y('low'), y2: { field: 'high' } },
      },
      {
        data: { values: means },
        mark: { type: 'tick', thickness: 3, size: 34, color: '#d9822b' },
        encoding: { x, y: y('mean') },
      },
      {
        data: { values: seeds },
        mark: { type: 'point', filled: true, size: 40, opacity: 0.75, color: '#1f5fa8' },
        encoding: { x, y: y('accuracy') },
      },
    ],
  });
}
