import { equal } from '../claims.ts';
import type { Profile } from '../profile.ts';
import { accuracies, measuredRow } from '../settings.ts';
import type { SettingResults, Stage, StageResult } from '../stage.ts';
import { weightSettings } from './weights.ts';

// §4.3, both 1.4 bits on average; AlexNet-BN on ImageNet.
const paper = { '70/20/10': 49.4, '80/0/20': 49.3 };

function conclude(p: Profile, results: SettingResults): StageResult {
  const usual = weightSettings.middleOut(p, 1.4);
  const other = weightSettings.mix(p, '0.8/0/0.2');
  return {
    stage: 'mix-insensitivity',
    title: '§4.3: two mixes with the same average',
    about:
      'A mix gives the shares of the weights with 1, 2 and 3 bits. In the mix 70/20/10 %, for example, 70 % of the ' +
      'weights have 1 bit. In the mix 70/20/10 %, 20 % of the weights have 2 bits, and 10 % have 3 bits. Each of the ' +
      'two mixes in the table has 1.4 bits on average. Only the weights of the networks are binarized, and the inputs of ' +
      'the layers are floating-point numbers. The HBNN paper’s accuracies in the table are for AlexNet-BN on ImageNet.',
    rows: [
      measuredRow(p, '70/20/10 %', results, usual.id, { paper: paper['70/20/10'] }),
      measuredRow(p, '80/0/20 %', results, other.id, { paper: paper['80/0/20'] }),
    ],
    claims: [
      equal(
        '4',
        'Only the average matters, not the mix: 70/20/10 equals 80/0/20',
        accuracies(results, usual.id),
        accuracies(results, other.id),
        paper['70/20/10'] - paper['80/0/20'],
      ),
    ],
    plots: [],
  };
}

export const mixInsensitivity: Stage = {
  name: 'mix-insensitivity',
  settings: (p) => [weightSettings.middleOut(p, 1.4), weightSettings.mix(p, '0.8/0/0.2')],
  conclude,
};
