import type { FeatureMap } from './demoNetworks.ts';

/** How the channels of a layer lie side by side in one picture, in pixels. */
export interface FeatureGrid {
  readonly columns: number;
  readonly rows: number;
  readonly stepX: number;
  readonly stepY: number;
}

export function gridOf({ height, width, channels }: Omit<FeatureMap, 'values'>): FeatureGrid {
  const isFlat = height === 1 && width === 1;
  const columns = Math.min(isFlat ? 32 : 8, channels);
  const gap = isFlat ? 0 : 1;
  const rows = Math.ceil(channels / columns);
  return { columns, rows, stepX: width + gap, stepY: height + gap };
}

/** The height of the tallest picture, of layers whose pictures are 1 wide. */
export const tallestOf = (maps: readonly FeatureMap[]): number =>
  Math.max(
    ...maps.map((map) => {
      const { columns, rows, stepX, stepY } = gridOf(map);
      return (rows * stepY) / (columns * stepX);
    }),
  );
