import { encodeWithSize, lower } from '@hbnn/model';
import { backendFrom } from './backend.ts';
import type { Trained } from './fineTuned.ts';
import { noteTo, openData, placeAmong } from './openData.ts';

export interface LowerSource {
  /** A local folder or archive of the data set. */
  readonly from?: string;
  readonly scaleBits: number;
  readonly backend: string;
  readonly testLimit?: number;
  readonly skipBadImages?: boolean;
  readonly quiet?: boolean;
}

/** Lower a trained run that was opened into an integer model, with the bytes of its file. */
export async function loweredRun(opener: Trained, o: LowerSource) {
  const { exportModel } = await import('@hbnn/train');
  const { config } = opener;
  // Images as they are: what was augmented in training tells nothing of the values at inference.
  const data = await openData(
    config.data,
    {
      ...config,
      augment: undefined,
      testLimit: o.testLimit ?? config.testLimit,
      from: o.from ?? config.from,
      skipBadImages: o.skipBadImages ?? config.skipBadImages,
    },
    placeAmong('--from', '--test-limit', '--skip-bad-images'),
    o,
  );
  const backend = await backendFrom(o.backend, o);
  const { model, train, test } = await opener.open(data);
  backend.announce();
  const trained = await exportModel(model, train, { onNote: noteTo(o) });
  const lowered = lower(trained, { scaleBits: o.scaleBits, onNote: noteTo(o) });
  const { bytes, size } = encodeWithSize(lowered.model);
  return { config, model, test, trained, lowered, bytes, size, backend: backend.name };
}
