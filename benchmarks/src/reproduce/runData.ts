import { type Dataset, openDataset } from '@hbnn/datasets';
import type { RunConfig } from '@hbnn/train';

/** Open a configuration's data; errors name the command's flag, of which data have one. */
export const openRunData = (config: RunConfig): Promise<Dataset> =>
  openDataset(config.data, {
    ...config,
    place: (option) => (option === 'from' ? '--from' : undefined),
  });
