import type { FeatureMap } from './demoNetworks.ts';

/** How the channels of a layer lie side by side in one picture, in pixels. */
export interface FeatureGrid {
  readonly columns: number;
  readonly rows: number;
  readonly stepX: number;
  readonly stepY: number;
}

/** The height over width that pictures come near to, so that those of all layers take about the same place. */
const wantedHeight = 0.5;

/** The columns that bring a layer's picture nearest to the wanted height, with few empty places in its last row. */
export function gridOf({
  height,
  width,
  channels,
}: Pick<FeatureMap, 'height' | 'width' | 'channels'>): FeatureGrid {
  const gap = height === 1 && width === 1 ? 0 : 1;
  const [stepX, stepY] = [width + gap, height + gap];
  const grids = Array.from({ length: Math.min(channels, 64) }, (_, i) => {
    const columns = i + 1;
    const rows = Math.ceil(channels / columns);
    const off = Math.abs((rows * stepY) / (columns * stepX) - wantedHeight);
    const empty = 1 - channels / (rows * columns);
    return { columns, rows, cost: off + empty };
  });
  const { columns, rows } = grids.reduce((a, b) => (b.cost < a.cost ? b : a));
  return { columns, rows, stepX, stepY };
}

/** The height of the tallest picture, of layers whose pictures are 1 wide. */
export const tallestOf = (maps: readonly FeatureMap[]): number =>
  Math.max(
    ...maps.map((map) => {
      const { columns, rows, stepX, stepY } = gridOf(map);
      return (rows * stepY) / (columns * stepX);
    }),
  );
