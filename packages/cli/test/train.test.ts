import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { hbnn, startHbnn, temporary } from './process.ts';

const small = ['--limit', '640', '--test-limit', '500', '--epochs', '3', '--learning-rate', '0.2'];

describe('hbnn train', () => {
  it('killed with SIGKILL and resumed, ends with the same bytes as one left alone', async () => {
    const dir = temporary();
    const settings = [...small, '--inputs', '1.4', '--input-map', 'static'];
    const alone = hbnn('train', ...settings, '--out', join(dir, 'alone'), '--json');
    expect(alone.code).toBe(0);
    const cut = join(dir, 'cut');
    const child = startHbnn('train', ...settings, '--checkpoint-seconds', '0', '--out', cut);
    const ended = new Promise((done) => child.once('exit', done));
    const checkpoint = join(cut, 'checkpoint.bin');
    while (!existsSync(checkpoint) && child.exitCode === null) await setTimeout(5);
    child.kill('SIGKILL');
    await ended;
    expect(existsSync(join(cut, 'result.json'))).toBe(false);
    expect(statSync(checkpoint).size).toBeGreaterThan(1000);
    const resumed = hbnn('train', '--out', cut, '--resume', '--json');
    expect(resumed.code).toBe(0);
    const weights = (run: string): Buffer => readFileSync(join(dir, run, 'weights.bin'));
    expect(weights('cut').equals(weights('alone'))).toBe(true);
    const top1 = (text: string): number => (JSON.parse(text) as { top1: number }).top1;
    expect(top1(resumed.out)).toBe(top1(alone.out));
    const test = hbnn('eval', '--run', cut, '--json');
    expect(top1(test.out)).toBe(top1(alone.out));
  });

  it('reads a configuration file, which flags override', () => {
    const dir = temporary();
    const file = join(dir, 'config.json');
    writeFileSync(file, JSON.stringify({ seed: 2, maxSteps: 2, limit: 200, testLimit: 100 }));
    const out = join(dir, 'run');
    const args = ['--config', file, '--seed', '7', '--layer-bits', '1,2,1,2', '--out', out];
    expect(hbnn('train', ...args).code).toBe(0);
    const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')) as object;
    expect(config).toMatchObject({ seed: 7, maxSteps: 2, layerBits: [1, 2, 1, 2] });
  });

  it.each([
    [['--inputs', '1.4'], false],
    [['--inputs', '1.4', '--input-map', 'static'], true],
    [[], true],
  ])('says in its last lines whether the run can be lowered: %j', (inputs, lowers) => {
    const out = join(temporary(), 'run');
    const few = [
      '--limit',
      '100',
      '--test-limit',
      '100',
      '--max-steps',
      '1',
      '--recalibrate',
      '64',
    ];
    const { out: text } = hbnn('train', ...few, ...inputs, '--out', out);
    const last = text.trimEnd().split('\n').slice(-2);
    if (lowers) expect(last[1]).toContain(`lower --run ${out}`);
    else expect(last.join(' ')).toMatch(/cannot become an integer model.*--input-map static\.$/);
    const { code, err } = hbnn('lower', '--run', out, '--out', `${out}.hbnn`, '--no-evaluate');
    expect([code, err.includes('--input-map static')]).toEqual(lowers ? [0, false] : [2, true]);
  });

  it('trains with the quantizer of another paper, which lower refuses by the layer', () => {
    const out = join(temporary(), 'run');
    const args = [
      '--quantizer',
      'sq-twn',
      '--limit',
      '200',
      '--test-limit',
      '100',
      '--max-steps',
      '2',
    ];
    const { code, out: text } = hbnn('train', ...args, '--out', out);
    expect(code).toBe(0);
    expect(text).toMatch(/bits per weight +1\.585/);
    expect(text).not.toContain('lower');
    const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')) as object;
    expect(config).toMatchObject({ quantizer: 'sq-twn', weights: 'float', inputs: 'float' });
    expect(hbnn('train', '--out', out, '--resume').code).toBe(0);
    const lowered = hbnn('lower', '--run', out, '--out', join(out, 'model.hbnn'));
    expect(lowered.code).toBe(2);
    expect(lowered.err).toContain(
      'conv1: exportModel expected weights that are float or binarized',
    );
    expect(existsSync(join(out, 'model.hbnn'))).toBe(false);
  });

  it('multiplies the channels of a network, in whatever opens the run again', () => {
    const out = join(temporary(), 'run');
    const few = ['--limit', '200', '--test-limit', '100', '--max-steps', '2'];
    const args = ['--network', 'mobilenet', '--width-multiplier', '0.5', ...few];
    const { code, out: text } = hbnn('train', ...args, '--out', out);
    expect(code).toBe(0);
    expect(text).toMatch(/network +mobilenet with 0\.5 × its channels, 3,/);
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))).toMatchObject({
      network: 'mobilenet',
      widthMultiplier: 0.5,
    });
    expect(hbnn('train', '--out', out, '--resume').code).toBe(0);
    const other = hbnn('train', ...args, '--width-multiplier', '2', '--out', out, '--resume');
    expect(other.err).toContain('widthMultiplier is 0.5 there and 2 here');
    expect(hbnn('eval', '--run', out, '--json').code).toBe(0);
    const file = `${out}.hbnn`;
    expect(hbnn('lower', '--run', out, '--out', file, '--no-evaluate').code).toBe(0);
    const { layers } = JSON.parse(hbnn('inspect', file, '--json').out) as { layers: object[] };
    expect(JSON.stringify(layers)).toContain('pointwise5');
  });

  it('answers bad input with one line and exit code 2', () => {
    const dir = temporary();
    const json = join(dir, 'broken.json');
    writeFileSync(json, '{');
    const out = join(dir, 'out');
    const cases: [string[], string][] = [
      [['train', '--epochs', '0', '--out', out], '--epochs: expected more than 0, got 0'],
      [['train', '--max-steps', '1', '--out', '/proc/new'], '/proc/new'],
      [['train', '--network', 'vgg', '--out', out], '--network: expected one of fcn4'],
      [
        ['train', '--width-multiplier', '0.5', '--out', out],
        '--width-multiplier: expected none beside --network fcn4, whose channels are --widths, got 0.5',
      ],
      [
        ['networks', '--width-multiplier', '-1'],
        '--width-multiplier: expected more than 0, got -1',
      ],
      [['train', '--weights', 'some', '--out', out], "'some'"],
      [['train', '--data', 'mnist', '--out', out], "'mnist'"],
      [['train', '--layer-bits', '1,x', '--out', out], "'x'"],
      [['train', '--layer-bits', '1,2', '--out', out], 'each of the 4'],
      [['train', '--config', json, '--out', out], 'broken.json'],
      [['train', '--config', join(dir, 'none.json'), '--out', out], 'none.json'],
      [['train', '--backend', 'gpu', '--out', out], "'gpu'"],
      [
        ['train', '--quantizer', 'twm', '--out', out],
        "--quantizer: expected one of bwn, xnor-net, bnn, dorefa, qnn, twn, sq-bwn, sq-twn, trq, bit-pruning, bayesian-bits, got 'twm'; did you mean 'twn'?",
      ],
      [
        ['train', '--quantizer', 'dorefa:1', '--out', out],
        "got 'dorefa:1'; write it as dorefa:1/2",
      ],
      [
        ['train', '--quantizer', 'twn', '--weights', '1.4', '--out', out],
        "--weights: expected float beside the quantizer 'twn', which takes its place, got 1.4; leave one of the two out",
      ],
      [['train', '--quantizer', 'bnn', '--inputs', '1', '--out', out], '--inputs: expected float'],
      [
        ['train', '--quantizer', 'bwn', '--balance', '8', '--out', out],
        '--balance: expected nothing',
      ],
      [['train', '--checkpoint-seconds', 'x', '--out', out], '--checkpoint-seconds'],
      [['eval', '--run', dir], dir],
      [['datasets', 'fetch', 'nothing'], "'nothing'"],
      [['datasets', 'fetch', 'cifar10', '--from', '/no/where'], '/no/where'],
    ];
    for (const [args, named] of cases) {
      const { code, err } = hbnn(...args);
      const lines = err.trimEnd().split('\n');
      expect(code, args.join(' ')).toBe(2);
      expect(lines.at(-1)).toContain(named);
      expect(lines.filter((line) => !line.startsWith('backend '))).toHaveLength(1);
      expect(existsSync(out)).toBe(false);
    }
  });
});

describe('flags without effect', () => {
  const floats = join(temporary(), 'floats.json');
  writeFileSync(floats, JSON.stringify({ layerBits: ['float', 'float', 'float', 'float'] }));
  const cases: [string[], string][] = [
    [
      ['--network', 'mobilenet', '--widths', '4,4'],
      '--widths: has no effect with --network mobilenet',
    ],
    [['--network', 'vgg8', '--pools', '1'], '--pools: has no effect with --network vgg8'],
    [['--pools', '0,7'], '--pools: expected layers 0 … 2'],
    [['--widths', '8', '--pools', '1'], '--pools: expected layers 0 … 0'],
    [['--size', '64'], '--size: has no effect with --data fashion-mnist-subset'],
    [['--data', 'folder', '--from', '.', '--shrink', '2'], '--shrink: has no effect'],
    [['--data', 'folder', '--from', '.', '--augment', 'flip'], '--augment: has no effect'],
    [['--from', '.'], '--from: has no effect with --data fashion-mnist-subset'],
    [['--input-map', 'static'], '--input-map: has no effect with float inputs'],
    [['--input-select', 'random'], '--input-select: has no effect with float inputs'],
    [
      ['--inputs', '1', '--input-map-per', 'channel'],
      '--input-map-per: has no effect with dynamic',
    ],
    [['--weights', '1.4', '--layer-bits', '1,2,1,1'], '--weights: has no effect with --layer-bits'],
    [
      ['--weights', '2', '--select', 'random'],
      '--select: has no effect with the same whole number',
    ],
    [['--weights', '0/1', '--select', 'random'], '--select: has no effect with the same whole'],
    [['--layer-bits', '1,2,1,1', '--select', 'top-down'], '--select: has no effect with the same'],
    [
      ['--inputs', '1', '--input-select', 'random'],
      '--input-select: has no effect with the same whole number of bits',
    ],
    [['--weights', 'float', '--select', 'random'], '--select: has no effect with float weights'],
    [['--weights', 'float', '--map-per', 'input'], '--map-per: has no effect'],
    [['--weights', 'float', '--scale-per', 'output'], '--scale-per: has no effect'],
    [['--config', floats, '--renew-every', '2'], '--renew-every'],
    [['--config', floats, '--scale-form', 'powers-of-two'], '--scale-form'],
    [['--config', floats, '--freeze-maps', '0.5'], '--freeze-maps'],
    [['--min-epochs', '2', '--validation', '50'], '--min-epochs: has no effect'],
    [['--patience', '2'], '--patience: expected validation images'],
    [['--augment', 'crop'], '--augment'],
    [['--augment', 'rotate:4'], 'rotate'],
    [['--augment', 'crop:4,crop:2'], '--augment: expected crop:N'],
    [['--seed', '-1'], '--seed: expected a whole number from 0 to 9007199254740991, got -1'],
    [['--select', 'gain', '--scale-per', 'output'], '--scale-per: expected a scale per tensor'],
    [['--balance', '4', '--weights', '2'], '--balance: has no effect'],
  ];

  it.each(cases)('are refused: %j', (args, named) => {
    const out = join(temporary(), 'out');
    const { code, err } = hbnn('train', ...args, '--out', out);
    expect(code).toBe(2);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect(err).toContain(named);
    expect(existsSync(out)).toBe(false);
  });
});

describe('hbnn', () => {
  it('lists data sets and helps', () => {
    expect(hbnn('datasets', 'list').out).toContain('fashion-mnist-subset');
    const { datasets } = JSON.parse(hbnn('datasets', 'list', '--json').out) as {
      datasets: { name: string }[];
    };
    expect(datasets.map(({ name }) => name)).toContain('cifar10');
    const { networks } = JSON.parse(hbnn('networks', '--json').out) as {
      networks: { name: string; parameters: number }[];
    };
    const full = networks.find(({ name }) => name === 'mobilenet-full');
    expect(full?.parameters).toBe(4_230_976);
    const half = JSON.parse(hbnn('networks', '--width-multiplier', '0.5', '--json').out) as {
      networks: { name: string; parameters: number }[];
    };
    expect(half.networks).toHaveLength(networks.length - 1);
    // Keras trains 1,331,592 for MobileNet 0.5, 1,000 of them biases of the dense layer, which ours has not.
    expect(half.networks.find(({ name }) => name === 'mobilenet-full')?.parameters).toBe(1_330_592);
    const names = ['binarize', 'train', 'eval', 'plot', 'compare-settings', 'networks'];
    const commands = [[], ...names.map((name) => [name]), ['datasets', 'fetch']];
    for (const command of commands) {
      const { code, out } = hbnn(...command, '--help');
      expect(code).toBe(0);
      expect(out).toContain('Example');
    }
    expect(hbnn('frobnicate').code).toBe(2);
  });
});
