import { describe, expect, it } from 'vitest';
import { choices, flagValues, folderName, settingName, varied } from './grid.ts';

describe('the grid of settings', () => {
  it('has every combination of the values that were typed, the last flag fastest', () => {
    const typed = flagValues({ weights: ['1.4,2'], select: ['random', 'optimal'], epochs: ['3'] });
    const differing = varied(typed);
    expect(differing.map(({ flag }) => flag)).toEqual(['--weights', '--select']);
    const all = choices(typed);
    expect(all.map((choice) => settingName(choice, differing))).toEqual([
      'weights 1.4, select random',
      'weights 1.4, select optimal',
      'weights 2, select random',
      'weights 2, select optimal',
    ]);
    expect(all.every((choice) => choice.get('--epochs') === '3')).toBe(true);
  });

  it('keeps the commas of flags whose values have some', () => {
    const typed = flagValues({
      widths: ['8,16,16', '16,32,32'],
      layerBits: ['1,2,1,1'],
      pools: ['1,2'],
      augment: ['crop:2,flip', 'flip'],
      patience: ['2,3'],
    });
    expect(Object.fromEntries(typed.map(({ flag, values }) => [flag, values]))).toEqual({
      '--widths': ['8,16,16', '16,32,32'],
      '--layer-bits': ['1,2,1,1'],
      '--pools': ['1,2'],
      '--augment': ['crop:2,flip', 'flip'],
      '--patience': ['2', '3'],
    });
  });

  it('names folders by settings, each once', () => {
    expect(folderName('weights 0.7/0.2/0.1, select random', new Set())).toBe(
      'weights-0.7-0.2-0.1_select-random',
    );
    expect(folderName('augment crop:4,flip', new Set())).toBe('augment-crop-4-flip');
    expect(folderName('a b', new Set(['a-b', 'a-b-2']))).toBe('a-b-3');
    expect(folderName('../x', new Set())).toBe('..-x');
  });
});
