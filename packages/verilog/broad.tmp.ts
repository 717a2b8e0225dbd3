import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { planModel, randomModel } from '@hbnn/core';
import {
  estimateAdders,
  testbenchFiles,
  unrolledDesign,
  verify,
  verilogFiles,
} from './src/index.ts';

const [from, to, most] = process.argv.slice(2).map(Number);
for (let seed = from; seed < to; seed++) {
  const model = randomModel(seed);
  if (estimateAdders(planModel(model)).reduce((s, l) => s + l.adders, 0) > most) continue;
  for (const style of ['gates', 'xc7'] as const) {
    const design = unrolledDesign(model, { style });
    const files = verilogFiles(design);
    const dir = '/tmp/vl/broad';
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
    for (const [n, t] of Object.entries({ ...files, ...testbenchFiles(model, design) }))
      writeFileSync(`${dir}/${n}`, t);
    const i = spawnSync('sh', ['-c', 'iverilog -g2005 -o tb *.v && timeout 120 vvp -n tb'], {
      cwd: dir,
      encoding: 'utf8',
    });
    const v = spawnSync(
      'sh',
      [
        '-c',
        `verilator --lint-only -Wall --top-module ${design.top} $(ls *.v | grep -v testbench)`,
      ],
      { cwd: dir, encoding: 'utf8' },
    );
    const e = await verify(model, design, files);
    console.log(
      seed,
      style,
      model.layers.map((l) => l.kind).join(),
      i.stdout.trim().slice(0, 80),
      'lint',
      v.status,
      'embedded',
      e.equal,
      e.images,
      JSON.stringify(e.difference ?? ''),
    );
  }
}
