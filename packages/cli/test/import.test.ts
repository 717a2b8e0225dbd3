import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

const golden = (name: string): string =>
  fileURLToPath(new URL(`../../import/test/golden/${name}`, import.meta.url));
const classifier = golden('onnx/classifier-17.onnx');
const few = ['--limit', '600', '--test-limit', '200', '--epochs', '1', '--learning-rate', '0.1'];

describe('networks of other frameworks on the command line', () => {
  const dir = temporary();
  const [net, tuned, model] = ['net', 'tuned', 'tuned.hbnn'].map((name) => join(dir, name));

  beforeAll(() => {
    const normalization = ['--mean', '0.2', '--deviation', '0.4'];
    const imported = hbnn('import', classifier, ...normalization, '--out', net, '--json');
    expect(imported.code, imported.err).toBe(0);
    expect(JSON.parse(imported.out)).toMatchObject({ input: '28×28×1', parameters: 1190 });
  });

  it('are imported, fine-tuned, measured, lowered, run on Verilog and estimated', () => {
    const bits = ['--weights', '1.4', '--inputs', '1.4'];
    const trained = hbnn('fine-tune', net, ...bits, ...few, '--out', tuned, '--json');
    expect(trained.code, trained.err).toBe(0);
    const { top1, skip } = JSON.parse(trained.out) as { top1: number; skip: string[] };
    expect(skip).toEqual(['conv0', 'gemm13']);
    const measured = hbnn('eval', '--run', tuned, '--json');
    expect(JSON.parse(measured.out)).toMatchObject({ top1, images: 200 });
    const lowered = hbnn('lower', '--run', tuned, '--out', model, '--json');
    expect(lowered.code, lowered.err).toBe(0);
    const result = JSON.parse(lowered.out) as Record<string, number>;
    expect(result.top1Before).toBe(top1);
    expect(Math.abs(result.lossInPoints)).toBeLessThanOrEqual(1);
    const data = ['--data', 'fashion-mnist-subset', '--test-limit', '200'];
    const whole = hbnn('eval', '--model', model, ...data, '--json');
    expect(JSON.parse(whole.out).top1).toBe(result.top1After);
    const rtl = join(dir, 'rtl');
    const drawn = hbnn('verilog', '--model', model, '--style', 'folded', '--out', rtl, '--json');
    expect(drawn.code, drawn.err).toBe(0);
    expect(hbnn('estimate', '--model', model, '--target', 'asic:45', '--json').code).toBe(0);
  });

  it('are compared layer by layer with what they were made from', () => {
    const few = ['--test-limit', '20', '--json'];
    const same = hbnn('compare', model, tuned, ...few);
    expect([same.code, same.err]).toEqual([0, '']);
    const { layers, ...whole } = JSON.parse(same.out) as { layers: { layer: string }[] };
    expect(whole).toMatchObject({ equal: true, images: 20, tolerance: 0.2 });
    expect(layers.map(({ layer }) => layer)).toEqual(
      expect.arrayContaining(['conv0', 'conv4', 'conv8', 'gemm13', 'scores']),
    );
    // The first layer has 8-bit weights, the second is binarized: the float network has parted there.
    const float = hbnn('compare', model, net, '--data', 'fashion-mnist-subset', ...few);
    expect(float.code).toBe(3);
    const { equal, difference } = JSON.parse(float.out);
    expect(equal).toBe(false);
    expect(difference).toMatchObject({ layer: 'conv4', kind: 'conv' });
    expect(difference.position).toHaveLength(3);
    expect(Math.abs(difference.first - difference.second)).toBeGreaterThan(0);
    expect(hbnn('compare', model, tuned, '--tolerance', '1e-6', ...few).code).toBe(3);
    const other = hbnn(
      'compare',
      model,
      golden('keras/vgg.keras'),
      '--data',
      'fashion-mnist-subset',
    );
    expect([other.code, other.err]).toEqual([
      2,
      expect.stringMatching(/vgg\.keras: expected a network of images of 28×28×1 .*got 12×12×3/),
    ]);
  });

  it('are shown with their bits once they are fine-tuned', () => {
    const { code, out, err } = hbnn('inspect', tuned, '--json');
    expect([code, err]).toEqual([0, '']);
    const view = JSON.parse(out) as { layers: { name: string; averageBits?: number }[] };
    expect(view).toMatchObject({ kind: 'run folder', network: 'classifier-17', classes: 10 });
    const binarized = view.layers.filter(({ averageBits }) => averageBits !== undefined);
    expect(binarized.map(({ name }) => name)).toEqual(['conv4', 'conv8']);
  });

  it('are binarized without training, measured and lowered', () => {
    const [run, file] = [join(dir, 'quantized'), join(dir, 'quantized.hbnn')];
    const [limit, epochs] = [few.slice(0, 4), few.slice(4)];
    const bits = ['--average', '1.4', '--inputs', '1.4', '--images', '128', '--fine-tune', '1'];
    const rate = epochs.slice(2);
    const made = hbnn('quantize', net, ...bits, ...limit, ...rate, '--out', run, '--json');
    expect(made.code, made.err).toBe(0);
    expect(made.err).not.toContain('were asked for');
    const result = JSON.parse(made.out) as Record<string, number> & { layers: object[] };
    expect(result.averageBits).toBeLessThanOrEqual(1.4);
    expect(result.layers.length).toBeGreaterThan(0);
    const measured = hbnn('eval', '--run', run, '--json');
    expect(JSON.parse(measured.out).top1).toBe(result.top1FineTuned);
    const lowered = hbnn('lower', '--run', run, '--out', file, '--json');
    expect(lowered.code, lowered.err).toBe(0);
  });

  it('are quantized with all images of a data set that has fewer than were asked for, and say so', () => {
    const limit = ['--limit', '70', '--test-limit', '20'];
    const [asked, out] = [['--images', '100'], join(dir, 'all-images')];
    const data = ['--data', 'fashion-mnist-subset', ...limit];
    const made = hbnn('quantize', net, ...data, ...asked, '--out', out, '--json');
    expect(made.code, made.err).toBe(0);
    expect(made.err).toMatch(
      /has 70 images to calibrate with, where 100 were asked for; all 70 are used/,
    );
    expect(JSON.parse(made.out)).toMatchObject({ images: 70 });
  });

  it('are told before the training that no layer is left to binarize', () => {
    const all = ['conv0', 'conv4', 'conv8', 'gemm13'].join(',');
    const line = ['fine-tune', net, '--skip', all, '--weights', '1.4', '--out', join(dir, 'no')];
    // The images are of another size, so that nothing is trained.
    const { code, err } = hbnn(...line, '--data', 'fashion-mnist-subset', '--shrink', '2');
    expect(code).toBe(2);
    expect(err).toContain(
      'nothing is binarized: the network is trained as it is; name fewer layers in --skip',
    );
  });

  it('keep their normalization and where they come from', () => {
    const about = JSON.parse(readFileSync(join(net, 'hbnn.json'), 'utf8'));
    expect(about.normalization).toEqual({ mean: [0.2], deviation: [0.4] });
    expect(about.origin).toMatchObject({ file: 'classifier-17.onnx', format: 'onnx' });
  });

  it.each(['fine-tune', 'quantize'])(
    'are told before hbnn %s that a gate cannot be lowered',
    (command) => {
      const gated = join(dir, `gated-${command}`);
      expect(hbnn('import', golden('torch/squeeze-13.onnx'), '--out', gated).code).toBe(0);
      const { code, err } = hbnn(command, gated, '--out', join(dir, 'none'));
      // The images of the data set are of another size.
      expect(code).toBe(2);
      expect(err).toMatch(/hbnn lower will refuse the network: .*got Multiply, a gate/);
      expect(err).toMatch(/expected images of 11×14×3, the network's size/);
    },
  );

  it('that have branches go the same way', () => {
    const [branched, run, file] = ['branched', 'branched-run', 'branched.hbnn'].map((name) =>
      join(dir, name),
    );
    expect(hbnn('import', golden('onnx/residual-17.onnx'), '--out', branched).code).toBe(0);
    expect(hbnn('fine-tune', branched, ...few, '--out', run).code).toBe(0);
    const lowered = hbnn('lower', '--run', run, '--out', file, '--json');
    expect(lowered.code, lowered.err).toBe(0);
    const result = JSON.parse(lowered.out) as Record<string, number>;
    expect(Math.abs(result.lossInPoints)).toBeLessThanOrEqual(1);
    const inspected = JSON.parse(hbnn('inspect', file, '--json').out) as {
      layers: { name: string; kind: string; reads?: string[] }[];
    };
    const sum = inspected.layers.find(({ kind }) => kind === 'add');
    expect(sum?.reads).toHaveLength(2);
    const seen = ['--data', 'fashion-mnist-subset', '--test-limit', '20'];
    const compared = hbnn('compare', file, '--engines', 'reference,wasm', ...seen, '--json');
    expect(JSON.parse(compared.out), compared.err).toMatchObject({ equal: true });
    const rtl = join(dir, 'branched-rtl');
    const folded = hbnn('verilog', '--model', file, '--style', 'folded', '--out', rtl, '--json');
    expect(folded.code, folded.err).toBe(0);
    const { layers, cyclesPerImage, slowestLayerCycles } = JSON.parse(folded.out);
    const summed = layers.find(({ kind }: { kind: string }) => kind === 'add');
    // The branch that is quicker waits in front of the sum, or before its own layers.
    expect(summed.branchDepths ?? [0, 0]).toHaveLength(2);
    expect(cyclesPerImage).toBeLessThanOrEqual(1.01 * slowestLayerCycles);
    const estimated = hbnn(
      'estimate',
      '--model',
      file,
      '--target',
      'pynq',
      '--fold',
      'fps:10',
      '--json',
    );
    const figures = JSON.parse(estimated.out);
    expect(figures.verilogLuts.value).toBeGreaterThan(0);
    expect(figures.unknown.layers).toContain(`${sum?.name} (add)`);
    expect(figures.unknown.latency).toContain(sum?.name);
    expect(figures).not.toHaveProperty('finnLatencyCycles');
  });

  it('that take other images are refused', () => {
    const wide = join(dir, 'resnet');
    expect(hbnn('import', golden('keras/resnet.keras'), '--out', wide).code).toBe(0);
    const { code, err } = hbnn('fine-tune', wide, ...few, '--out', join(dir, 'x'));
    expect([code, err]).toEqual([
      2,
      expect.stringMatching(/images of 20×14×3, .*; give data of 3 channels/),
    ]);
    expect(existsSync(join(dir, 'x'))).toBe(false);
  });

  it('are refused in one line where something is wrong, and nothing is written', () => {
    mkdirSync(join(dir, 'empty'));
    writeFileSync(join(dir, 'net.pb'), 'x');
    const out = join(dir, 'refused');
    const cases: [string[], RegExp][] = [
      [['import', join(dir, 'none.onnx'), '--out', out], /none\.onnx: could not be read/],
      [
        ['import', join(dir, 'net.pb'), '--out', out],
        /in a file of \.onnx, \.keras, \.h5 or \.json/,
      ],
      [['import', join(dir, 'empty'), '--out', out], /model\.json: could not be read/],
      [['import', classifier, '--out', net], /expected a folder that does not exist yet/],
      [['import', classifier, '--mean', '0.5', '--out', out], /--deviation: expected it beside/],
      [
        ['import', classifier, '--mean', '0,0,0', '--deviation', '1,1,1', '--out', out],
        /--mean: expected as many numbers as the network's images have channels \(1\), got 3; give/,
      ],
      [
        ['import', classifier, '--mean', '127.5', '--deviation', '127.5', '--out', out],
        /--mean: expected numbers from 0 to 1, .*, got 127\.5; divide .* by 255, as in 0\.5$/m,
      ],
      [
        ['import', classifier, '--mean', '-0.1', '--deviation', '1', '--out', out],
        /--mean: expected numbers from 0 to 1, .*, got -0\.1; compute the mean from pixels scaled to 0/,
      ],
      [
        ['import', classifier, '--mean', '0.5', '--deviation', '0', '--out', out],
        /--deviation: expected numbers from 0\.000001 to 1, .*, got 0; give the deviation that the network/,
      ],
      [
        ['fine-tune', join(dir, 'empty'), '--out', out],
        /got a folder; give the --out of hbnn import/,
      ],
      [['fine-tune', net, '--skip', 'conv9', '--out', out], /--skip: .*\(conv0, .*got 'conv9'/],
      [['fine-tune', net, '--weights', 'much', '--out', out], /--weights: expected 'float'/],
      [['fine-tune', net, '--input-map-per', 'channel', '--out', out], /--input-map-per: has no/],
      [
        ['fine-tune', net, ...few, '--shrink', '2', '--out', out],
        /--data: expected images of 28×28×1, the network's size, got 14×14×1 .*; leave --shrink out$/m,
      ],
      [
        ['quantize', net, '--limit', '600', '--shrink', '4', '--out', out],
        /--data: expected images of 28×28×1, the network's size, got 7×7×1 .*; leave --shrink out$/m,
      ],
      [['quantize', '--out', out], /expected a network folder or --run, got neither/],
      [
        ['quantize', net, '--run', tuned, '--out', out],
        /expected a network folder or --run, got both/,
      ],
      [['quantize', net, '--average', '5', '--out', out], /--average: expected bits from 1 to 4/],
      [['quantize', net, '--images', '0', '--out', out], /--images: expected at least 1/],
      [['quantize', net, '--skip', 'conv9', '--out', out], /--skip: .*got 'conv9'/],
      [
        ['quantize', net, '--learning-rate', '0.1', '--out', out],
        /--learning-rate: has no effect without --fine-tune/,
      ],
      [['lower', '--run', net, '--out', out], /got the network folder .*hbnn fine-tune/],
      [['estimate', '--model', net, '--target', 'asic:45'], /got a network folder.*hbnn fine-tune/],
    ];
    for (const [args, message] of cases) {
      const { code, err } = hbnn(...args);
      const lines = err.trimEnd().split('\n');
      expect([args.join(' '), code, lines.at(-1)]).toEqual([
        args.join(' '),
        2,
        expect.stringMatching(message),
      ]);
      expect(existsSync(out)).toBe(false);
    }
  });
});
