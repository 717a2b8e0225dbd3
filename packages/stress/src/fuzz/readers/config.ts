import { settings } from '@hbnn/cli/readers';
import { type RunConfig, runConfig } from '@hbnn/train';
import { placed } from '../placed.ts';
import { bytesOfText, holds, type Reader } from '../reader.ts';

const seeds = [
  {},
  { weights: 1.4, inputs: '0.7/0.2/0.1', network: 'fcn4', widths: [32, 16], pools: [1] },
  { weights: '1.5', select: 'gain', minBits: 1 },
  { weights: '1.5', mapPer: 'block:4', scalePer: 'output' },
  { weights: 1.4, balance: 10 },
  { network: 'vgg8', widthMultiplier: 0.5 },
  { layerBits: ['1.4', 'float'], scaleForm: 'integers:4', freezeMaps: 0.5, inputMap: 'static' },
  { quantizer: 'dorefa', epochs: 2, learningRate: 0.1, schedule: 'constant', weightDecay: 0 },
  { augment: 'crop:4,flip', validation: 100, earlyStop: { patience: 2, minEpochs: 1 } },
];

export const reader = (): Promise<Reader<RunConfig>> =>
  Promise.resolve({
    form: 'json',
    seeds: seeds.map((seed) => bytesOfText(JSON.stringify(seed))),
    words: ['1.4', 'float', '0.5/0.5', 'block:2', 'powers-of-two', 'crop:1', 'bayesianbits', 'twn'],
    read: (bytes) => runConfig(settings({ config: placed('config.json', bytes) })),
    check(config) {
      const again = runConfig(JSON.parse(JSON.stringify(config)));
      holds(
        JSON.stringify(again) === JSON.stringify(config),
        'the same settings after a round trip',
      );
    },
  });
