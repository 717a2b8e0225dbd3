import { openDataset } from '@hbnn/datasets';
import { binarize, evaluate, fineTune, openRun, quantize, recalibrate, useBackend, weightPrecision } from '@hbnn/train';
import { distFromAverage } from '@hbnn/core';
await useBackend('auto');
const nets = process.argv[2].split(',');
const avgs = process.argv[3].split(',').map(Number);
const ft = process.argv[4] === 'ft';
const { train, test } = await openDataset('folder', { from: '/tmp/cifarjpg', size: 32, limit: 10000, testLimit: 1000 } as never);
for (const n of nets) {
  const { model } = openRun(`/tmp/q/${n}`, train);
  const base = await evaluate(model, test);
  console.log(n, 'float', base.top1, base.loss.toFixed(3));
  const ws = model.layers.filter((l) => /Hbnn(Conv2D|Dense|DepthwiseConv2D)$/.test(l.getClassName())).map((l) => l.name);
  const skip = [ws[0], ws[ws.length - 1]];
  const pass = { images: 512, batch: 64, seed: 1 };
  for (const a of avgs) {
    const show = async (what: string, m: any, t0: number) => {
      const e = await evaluate(m, test); const t = ((performance.now() - t0) / 1000).toFixed(1);
      let f = '';
      if (ft) { await fineTune(m, train, { epochs: 1, learningRate: Number(process.env.LR ?? 0.01) }); f = `  ft ${(await evaluate(m, test)).top1}`; }
      console.log(n, a, what.padEnd(10), e.top1, e.loss.toFixed(3), `${t}s`, f);
    };
    for (const [what, o] of [['tensor', {}], ['output', { scalePer: 'output' }], ['optimal', { scalePer: 'output', select: 'optimal' }]] as const) {
      const t0 = performance.now();
      const m = binarize(model, { weights: weightPrecision(distFromAverage(a), o as never), skip });
      await recalibrate(m, train, pass);
      await show(what, m, t0);
    }
    const t0 = performance.now();
    const q = await quantize(model, train, { weights: a, skip });
    if (a === 1.4) for (const l of q.layers) console.log('   ', l.layer.padEnd(12), l.weights, l.average.toFixed(3), l.outputError.toFixed(4), l.errors.map((e) => e.error.toFixed(4)).join(' '));
    console.log('   average', q.average);
    await show('quantize', q.model, t0);
  }
}
