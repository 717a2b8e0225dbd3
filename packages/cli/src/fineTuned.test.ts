import { expect, it } from 'vitest';
import { checkImageSize, type TrainedNetwork } from './fineTuned.ts';

/** What is said of images of 28×28×1 for a network of another size. */
function refusal(
  size: readonly (number | null)[],
  data: { data: string; shrink?: number },
): string {
  const model = { inputs: [{ shape: [null, ...size] }] } as unknown as TrainedNetwork;
  const side = 28 / (data.shrink ?? 1);
  try {
    checkImageSize(
      model,
      { shape: [side, side, 1], name: 'set' } as never,
      data as never,
      '--data',
    );
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
}

it.each([
  [[28, 28, 1], {}, 'accepted'],
  [[null, null, 1], {}, 'accepted'],
  [[14, 14, 1], {}, 'got 28×28×1 from set; add --shrink 2'],
  [[9, 9, 1], {}, 'add --shrink 3'],
  [[7, 7, 1], { shrink: 2 }, 'got 14×14×1 from set; add --shrink 4'],
  [[28, 28, 1], { shrink: 2 }, 'leave --shrink out'],
  [[14, 7, 1], {}, 'give data of that size'],
  [[56, 56, 1], {}, 'give data of that size'],
  [[14, 14, 3], {}, 'give data of 3 channels'],
])('images for a network of %j with %j: %s', (size, settings, message) => {
  expect(refusal(size, { data: 'fashion-mnist-subset', ...settings })).toContain(message);
});

it('a folder of pictures is resized in place of being shrunk', () => {
  expect(refusal([14, 14, 1], { data: 'folder' })).toContain('add --size 14');
});
