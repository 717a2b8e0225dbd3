import { averageBits, HbnnError } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { configDifference, precisionOf, runConfig } from './config.ts';
import type { Precision } from './precision.ts';
import { parseBits } from './precision.ts';
import { learningRateAt } from './schedule.ts';

describe('run configuration', () => {
  it('defaults to the paper’s optimizer and to 1.4-bit middle-out weights', () => {
    const config = runConfig({});
    expect(config).toMatchObject({ learningRate: 0.01, momentum: 0.9, weightDecay: 1e-4 });
    const { weights, inputs } = precisionOf(config) as Precision;
    expect(weights).toMatchObject({ select: 'middle-out', mapPer: 'element', scalePer: 'tensor' });
    expect(averageBits(weights?.mix ?? { fractions: [] })).toBeCloseTo(1.4, 12);
    expect(inputs).toBeUndefined();
  });

  it('takes one precision per layer', () => {
    const layers = precisionOf(runConfig({ layerBits: [3, 1, 'float', '0.5/0.5'] }));
    const list = layers as readonly Precision[];
    expect(list.map(({ weights }) => weights && averageBits(weights.mix))).toEqual([
      3,
      1,
      undefined,
      1.5,
    ]);
  });

  it.each([
    [{ epochs: 0 }, 'config.epochs'],
    [{ network: 'vgg' }, 'config.network'],
    [{ weights: 'many' }, 'config.weights'],
    [{ weights: 9 }, '9'],
    [{ weights: '0.5/0.1' }, '0.5/0.1'],
    [{ momentum: 1 }, 'config.momentum'],
    [{ mapPer: 'block:0' }, 'config.mapPer'],
    [{ epoch: 3 }, 'epoch'],
    [{ layerBits: [1, 'x'] }, 'config.layerBits.1'],
    ['text', 'config'],
  ])('names the field at fault in %j', (input, field) => {
    expect(() => runConfig(input)).toThrow(HbnnError);
    expect(() => runConfig(input)).toThrow(field);
  });

  it('takes augmentation as text or as an object, and stores one form', () => {
    const forms = ['crop:4,flip', ' flip, crop:4', { crop: 4, flip: true as const }];
    for (const augment of forms) {
      expect(runConfig({ augment }).augment).toEqual({ crop: 4, flip: true });
    }
    expect(runConfig(JSON.parse(JSON.stringify(runConfig({ augment: 'flip' }))))).toEqual(
      runConfig({ augment: { flip: true } }),
    );
    for (const augment of ['', 'crop', 'crop:0', 'crop:x', 'flip:2', 'turn', {}]) {
      expect(() => runConfig({ augment }), JSON.stringify(augment)).toThrow('config.augment');
    }
  });

  it('stops early only with validation images', () => {
    const earlyStop = { patience: 3 };
    expect(runConfig({ earlyStop, validation: 10 })).toMatchObject({ earlyStop });
    expect(() => runConfig({ earlyStop })).toThrow('config.earlyStop: expected validation images');
  });

  it('has no field more than earlier versions stored', () => {
    expect(Object.keys(runConfig({})).sort().join()).toBe(
      'batch,data,epochs,inputMap,inputMapPer,inputSelect,inputs,learningRate,mapPer,momentum,network,' +
        'recalibrate,renewEvery,scalePer,schedule,seed,select,weightDecay,weights',
    );
  });

  it('stores a configuration without a quantizer as earlier versions did, byte for byte', () => {
    const config = runConfig({ network: 'alexnet-bn', seed: 3, inputs: '1.4', augment: 'crop:4' });
    expect(JSON.stringify(config)).toBe(
      '{"data":"fashion-mnist-subset","network":"alexnet-bn","weights":1.4,"select":"middle-out",' +
        '"mapPer":"element","scalePer":"tensor","renewEvery":1,"inputs":1.4,"inputSelect":"middle-o' +
        'ut","inputMap":"dynamic","inputMapPer":"element","epochs":6,"batch":64,"seed":3,"learningR' +
        'ate":0.01,"schedule":"cosine","momentum":0.9,"weightDecay":0.0001,"recalibrate":1000,"augm' +
        'ent":{"crop":4}}',
    );
  });

  it('stores a width multiplier, but not 1, which is the network of earlier versions', () => {
    const plain = runConfig({ network: 'mobilenet' });
    const text = JSON.stringify(plain);
    for (const widthMultiplier of [1, 1.0, undefined])
      expect(JSON.stringify(runConfig({ network: 'mobilenet', widthMultiplier }))).toBe(text);
    expect(JSON.stringify(runConfig({ widthMultiplier: 1 }))).toBe(JSON.stringify(runConfig({})));
    const half = runConfig({ network: 'mobilenet', widthMultiplier: 0.5 });
    expect(half).toEqual({ ...plain, widthMultiplier: 0.5 });
    expect(JSON.stringify(runConfig(JSON.parse(JSON.stringify(half))))).toBe(JSON.stringify(half));
    expect(configDifference(plain, half)).toBe('widthMultiplier is not set there and 0.5 here');
  });

  it('takes a quantizer in place of bits of weights and inputs, and keeps its whole name', () => {
    const config = runConfig({ quantizer: 'dorefa' });
    expect(config).toMatchObject({ quantizer: 'dorefa:1/2', weights: 'float', inputs: 'float' });
    expect(runConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
    expect(runConfig({ quantizer: 'twn', weights: undefined }).weights).toBe('float');
    expect((precisionOf(config) as Precision).method?.name).toBe('dorefa:1/2');
    expect((precisionOf(runConfig({})) as Precision).method).toBeUndefined();
  });

  it.each([
    [{ quantizer: 'twm' }, 'config.quantizer: expected one of bwn, xnor-net'],
    [{ quantizer: 3 }, 'config.quantizer: expected text, got 3'],
    [
      { weights: 1.4 },
      "config.weights: expected float beside the quantizer 'bwn', which takes its place, got 1.4; leave one of the two out",
    ],
    [{ inputs: 1 }, 'config.inputs: expected float'],
    [{ layerBits: [1, 1, 1, 1] }, 'config.layerBits: expected nothing beside'],
    [{ select: 'random' }, "config.select: expected middle-out beside the quantizer 'bwn'"],
    [{ scalePer: 'output' }, 'config.scalePer'],
    [{ mapPer: 'output' }, 'config.mapPer'],
    [{ renewEvery: 2 }, 'config.renewEvery'],
    [{ balance: 8 }, 'config.balance'],
    [{ minBits: 0 }, 'config.minBits'],
    [{ scaleForm: 'integers:4' }, 'config.scaleForm'],
    [{ freezeMaps: 0.5 }, 'config.freezeMaps'],
    [{ inputSelect: 'random' }, 'config.inputSelect'],
    [{ inputMap: 'static' }, 'config.inputMap'],
    [{ inputMapPer: 'channel' }, 'config.inputMapPer'],
  ])('refuses a quantizer beside what it replaces: %j', (input, message) => {
    expect(() => runConfig({ quantizer: 'bwn', ...input })).toThrow(message);
  });

  it('names the first field in which two differ, with both values', () => {
    const one = runConfig({ widths: [4, 4] });
    expect(configDifference(one, runConfig({ widths: [4, 4] }))).toBeUndefined();
    const two = runConfig({ widths: [4, 8], batch: 32 });
    expect(configDifference(one, two)).toBe('widths is [4,4] there and [4,8] here');
    expect(configDifference(runConfig({}), one)).toBe('widths is not set there and [4,4] here');
    expect(configDifference(one, runConfig({}))).toBe('widths is [4,4] there and not set here');
  });

  it('reads bits as people write them', () => {
    expect(parseBits('float', 'here')).toBeUndefined();
    expect(averageBits(parseBits('1.4', 'here') ?? { fractions: [] })).toBeCloseTo(1.4, 12);
    expect(() => parseBits(' ', 'here')).toThrow('here');
  });
});

describe('learning rate', () => {
  it('follows its schedule', () => {
    expect(learningRateAt('constant', 0.1, 90, 100)).toBe(0.1);
    expect(learningRateAt('cosine', 0.1, 0, 100)).toBeCloseTo(0.1, 12);
    expect(learningRateAt('cosine', 0.1, 50, 100)).toBeCloseTo(0.05, 12);
    expect(learningRateAt('cosine', 0.1, 100, 100)).toBeCloseTo(0, 12);
    const steps = [0, 33, 34, 66, 67, 100].map((step) => learningRateAt('steps', 1, step, 100));
    expect(steps.map((rate) => Number(rate.toFixed(6)))).toEqual([1, 1, 0.1, 0.1, 0.01, 0.01]);
  });

  it.each([
    ['base', Number.NaN, 1, 2],
    ['base', -1, 1, 2],
    ['step', 1, Number.NaN, 2],
    ['steps', 1, 1, Number.POSITIVE_INFINITY],
  ])('refuses a bad %s', (name, base, step, steps) => {
    expect(() => learningRateAt('cosine', base, step, steps)).toThrow(
      `learningRateAt: expected a finite number from 0 up as ${name}, got `,
    );
  });
});

describe('faults of a configuration', () => {
  it.each([
    [
      { network: 'alexnet' },
      "config.network: expected one of fcn4, alexnet-bn, mobilenet, mobilenetv2, resnet8, resnet18, vgg8, alexnet-bn-full, mobilenet-full, mobilenetv2-full, resnet18-full, vgg8-full, got 'alexnet'; did you mean 'alexnet-bn'?",
    ],
    [
      { select: 'middleout' },
      "config.select: expected one of middle-out, top-down, bottom-up, random, gain, curvature, optimal, got 'middleout'; did you mean 'middle-out'?",
    ],
    [{ epochs: 0 }, 'config.epochs: expected more than 0, got 0'],
    [
      { minBits: 0 },
      'config.minBits: expected config.select gain or curvature beside it, got middle-out; choose',
    ],
    [
      { minBits: 2, select: 'curvature' },
      'config.minBits: expected at most the 1.4 bits of the average, got 2; give fewer',
    ],
    [{ epochs: 1.5 }, 'config.epochs: expected a whole number, got 1.5'],
    [{ epochs: 'two' }, "config.epochs: expected a number, got 'two'"],
    [{ momentum: 1 }, 'config.momentum: expected less than 1, got 1'],
    [{ freezeMaps: 2 }, 'config.freezeMaps: expected at most 1, got 2'],
    [
      { network: 'vgg8', widthMultiplier: 0 },
      'config.widthMultiplier: expected more than 0, got 0; give a larger one',
    ],
    [
      { network: 'vgg8', widthMultiplier: 17 },
      'config.widthMultiplier: expected at most 16, got 17; give a smaller one',
    ],
    [
      { network: 'vgg8', widthMultiplier: '0.5' },
      "config.widthMultiplier: expected a number, got '0.5'; give one",
    ],
    [
      { network: 'vgg8', widthMultiplier: Number.NaN },
      'config.widthMultiplier: expected a number, got NaN; give one',
    ],
    [
      { widthMultiplier: 0.5 },
      'config.widthMultiplier: expected none beside config.network fcn4, whose channels are config.widths, got 0.5; set config.widths, or choose another network',
    ],
    [{ widths: [] }, 'config.widths: expected at least 1 values, got []'],
    [{ widths: [4, -1] }, 'config.widths.1: expected more than 0, got -1'],
    [{ weights: 9 }, 'config.weights: expected an average from 0 to 8 bits, got 9'],
    [
      { weights: '0.7/0.2/0.2' },
      "config.weights '0.7/0.2/0.2': expected fractions that sum to 1, got a sum of 1.1;",
    ],
    [
      { weights: true },
      "config.weights: expected 'float', a number or a mix such as 0.7/0.2/0.1, got true",
    ],
    [{ epoch: 3 }, "config: unknown setting 'epoch'; did you mean 'epochs'?"],
    [{ lr: 0.1 }, "config: unknown setting 'lr'; did you mean 'learningRate'?"],
    [{ alpha: 0.5 }, "config: unknown setting 'alpha'; did you mean 'widthMultiplier'?"],
    [{ 'batch-size': 8 }, "config: unknown setting 'batch-size'; did you mean 'batch'?"],
    [
      { augment: 'rotate:4' },
      "config.augment: expected crop:N with N of at least 1, flip, or both, each once, as in crop:4,flip, got 'rotate:4'; write it in one of these forms",
    ],
    [{ augment: 'crop:x' }, "as in crop:4,flip, got 'crop:x'; write it in one of these forms"],
    [{ augment: 'crop:4,flop' }, "got 'crop:4,flop'; did you mean 'flip'?"],
    [{ augment: 'crop:4,crop:2' }, "each once, as in crop:4,flip, got 'crop:4,crop:2'; write it"],
    [{ seed: -1 }, 'config.seed: expected at least 0, got -1; give a larger one'],
    [{ seed: 0.5 }, 'config.seed: expected a whole number, got 0.5'],
    [
      { select: 'optimal', balance: 4 },
      'config.balance: expected no balance beside config.select optimal, got 4; leave one of the two',
    ],
    [
      { select: 'optimal', scaleForm: 'powers-of-two' },
      'config.scaleForm: expected free scales beside config.select optimal, got "powers-of-two"; leave',
    ],
    [
      { select: 'gain', mapPer: 'output' },
      'config.mapPer: expected a map per element beside config.select gain, got "output"; leave one',
    ],
    [
      { select: 'curvature', scalePer: 'output' },
      'config.scalePer: expected a scale per tensor beside config.select curvature, got "output"; leave',
    ],
    [
      { select: 'gain', weights: '0.5/0.5' },
      'config.weights: expected an average, such as 1.4, beside config.select gain, which chooses its own mix, got "0.5/0.5"; leave',
    ],
    [
      { balance: 4, mapPer: 'block:2' },
      'config.mapPer: expected a map per element beside config.balance 4, got "block:2"; leave one',
    ],
    [{ weights: 1, mapPer: 'elment' }, "got 'elment'; did you mean 'element'?"],
    [{ weights: 1, mapPer: 'blok:8' }, "got 'blok:8'; did you mean 'block:K'?"],
    [{ weights: 1, scaleForm: 'power-of-2' }, "got 'power-of-2'; did you mean 'powers-of-two'?"],
  ])('%j', (input, message) => {
    expect(() => runConfig(input)).toThrow(message);
  });

  it('calls fields what it is told to', () => {
    const flag = (field: string): string => `--${field}`;
    expect(() => runConfig({ weights: 9 }, flag)).toThrow('--weights: expected an average');
    expect(() => runConfig({ batch: -1 }, flag)).toThrow('--batch: expected more than 0, got -1');
  });
});
