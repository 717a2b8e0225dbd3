import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { hbnnArguments, hbnnProcess, temporary } from './process.ts';

interface Stopped {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Run hbnn, send a signal as soon as its stderr or the disk says so, and wait for its end. */
async function stopped(
  args: readonly string[],
  signals: readonly NodeJS.Signals[],
  when: (err: string) => boolean,
): Promise<Stopped> {
  const child = spawn(process.execPath, hbnnArguments(...args), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { out: '', err: '' };
  child.stdout.on('data', (part) => {
    text.out += part;
  });
  child.stderr.on('data', (part) => {
    text.err += part;
  });
  const ended = new Promise<number | null>((done) => child.once('close', done));
  while (!when(text.err) && child.exitCode === null) await setTimeout(5);
  for (const signal of signals) child.kill(signal);
  return { code: await ended, ...text };
}

const esc = '\u001b';

/** `pnpm --filter @hbnn/cli signals`: each command with each signal, not with one. */
const all = process.env.HBNN_SIGNALS === 'all';
const endings = [['SIGINT', 130] as const, ...(all ? [['SIGTERM', 143] as const] : [])];

const settings = [
  '--limit',
  '1280',
  '--test-limit',
  '500',
  '--epochs',
  '4',
  '--learning-rate',
  '0.2',
  '--inputs',
  '1.4',
  '--input-map',
  'static',
  '--validation',
  '100',
];
const linesOf = (file: string): number =>
  existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0;

describe('hbnn train, told to stop', () => {
  it('saves the training, says how to continue, and continues to the same bytes', async () => {
    const dir = temporary();
    const alone = hbnnProcess('train', ...settings, '--out', join(dir, 'alone'), '--json');
    expect(alone.code, alone.err).toBe(0);
    const cut = join(dir, 'cut');
    const metrics = join(cut, 'metrics.jsonl');
    const args = ['train', ...settings, '--checkpoint-seconds', '1000', '--out', cut];
    const first = await stopped(args, ['SIGINT'], () => linesOf(metrics) >= 7);
    expect([first.code, first.out]).toEqual([130, '']);
    expect(first.err).toContain('hbnn: stopped by SIGINT\n');
    expect(first.err).toContain(`\n  hbnn train --out ${cut} --resume --checkpoint-seconds 1000\n`);
    const left = readdirSync(cut).filter((name) => name !== 'best.bin');
    expect(left.sort()).toEqual(['checkpoint.bin', 'config.json', 'metrics.jsonl']);
    // One Ctrl-C that the terminal and the package manager both pass on is one.
    const again = ['train', '--out', cut, '--resume', '--json'];
    const before = linesOf(metrics);
    const second = await stopped(
      again,
      ['SIGTERM', 'SIGTERM'],
      () => linesOf(metrics) > before + 30,
    );
    expect(second.code).toBe(143);
    expect(JSON.parse(second.out)).toEqual({
      error: 'stopped by SIGTERM',
      signal: 'SIGTERM',
      kept: `the training so far, in ${cut}`,
      resume: `hbnn train --out ${cut} --resume --json`,
    });
    const last = hbnnProcess(...again);
    expect(last.code, last.err).toBe(0);
    const weights = (run: string): Buffer => readFileSync(join(dir, run, 'weights.bin'));
    expect(weights('cut').equals(weights('alone'))).toBe(true);
    expect(linesOf(metrics)).toBe(linesOf(join(dir, 'alone', 'metrics.jsonl')));
  });

  it('writes nothing when it has not begun', async () => {
    const out = join(temporary(), 'out');
    const begun = performance.now();
    const { code, err } = await stopped(
      ['train', ...settings, '--out', out],
      ['SIGTERM'],
      // By then it loads TensorFlow.js.
      () => performance.now() - begun > 1500 || existsSync(out),
    );
    expect([143, null]).toContain(code);
    if (!existsSync(out)) expect(err).not.toContain('--resume');
  });
});

it('hbnn eval and hbnn lower, told to stop, leave no part of a file and exit as shells say', async () => {
  const dir = temporary();
  const run = join(dir, 'run');
  const args = ['--limit', '300', '--test-limit', '10000', '--epochs', '1', '--recalibrate', '0'];
  expect(hbnnProcess('train', ...args, '--out', run).code).toBe(0);
  const measuring = (err: string): boolean => err.includes('testing');
  const ended = await stopped(['eval', '--run', run, '--json'], ['SIGTERM'], measuring);
  expect(ended.code).toBe(143);
  expect(JSON.parse(ended.out)).toEqual({ error: 'stopped by SIGTERM', signal: 'SIGTERM' });
  const out = join(dir, 'm.hbnn');
  const lowering = ['lower', '--run', run, '--out', out];
  const lowered = await stopped(lowering, ['SIGINT'], measuring);
  expect(lowered).toMatchObject({ code: 130, out: '' });
  expect(lowered.err).toContain(`Kept: the whole model, in ${out}\n`);
  const loading = (err: string): boolean => err.includes('backend');
  const model = hbnnProcess('lower', '--run', run, '--out', out, '--no-evaluate');
  expect(model.code, model.err).toBe(0);
  expect(await stopped(['eval', '--model', out], ['SIGINT'], measuring)).toMatchObject({
    code: 130,
    out: '',
  });
  expect(await stopped(['eval', '--run', run], ['SIGINT'], loading)).toMatchObject({ code: 130 });
  expect(readdirSync(dir).sort()).toEqual(['m.hbnn', 'm.hbnn.manifest.json', 'run']);
});

it('hbnn quantize and hbnn fine-tune, told to stop, keep nothing and say so', async () => {
  const dir = temporary();
  const [file, net, out] = ['model.json', 'net', 'out'].map((name) => join(dir, name));
  const kernel = { name: 'd/kernel', shape: [784, 10], dtype: 'float32' };
  const dense = { name: 'd', units: 10, use_bias: false, activation: 'linear' };
  const layers = [
    { class_name: 'Flatten', config: { name: 'f', batch_input_shape: [null, 28, 28, 1] } },
    { class_name: 'Dense', config: dense },
  ];
  const modelTopology = { class_name: 'Sequential', config: { name: 'n', layers } };
  const weightsManifest = [{ paths: ['weights.bin'], weights: [kernel] }];
  const format = 'layers-model';
  writeFileSync(file, JSON.stringify({ format, modelTopology, weightsManifest }));
  writeFileSync(
    join(dir, 'weights.bin'),
    Float32Array.from({ length: 7840 }, (_, i) => Math.sin(i) / 28),
  );
  const pixels = ['--mean', '0.5', '--deviation', '0.25'];
  const imported = hbnnProcess('import', file, ...pixels, '--out', net);
  expect(imported.code, imported.err).toBe(0);
  const before = readdirSync(dir);
  const all = ['--skip', 'none', '--limit', '300', '--out', out];
  for (const [name, signal, code, more] of [
    ['quantize', 'SIGTERM', 143, ['--fine-tune', '500']],
    ['fine-tune', 'SIGINT', 130, ['--epochs', '500']],
  ] as const) {
    const args = [name, net, ...all, ...more];
    const cut = await stopped(args, [signal], (err) => /quantizing|fine-tuning/.test(err));
    expect([cut.code, cut.out]).toEqual([code, '']);
    expect(cut.err.slice(cut.err.indexOf('hbnn: '))).toBe(
      `hbnn: stopped by ${signal}\nKept: nothing: ${out} is made at the end\nContinue with:\n  hbnn ${args.join(' ')}\n`,
    );
  }
  expect(readdirSync(dir)).toEqual(before);
});

it('hbnn synth, told to stop, ends its threads', async () => {
  const dir = temporary();
  const [model, rtl] = [join(dir, 'm.hbnn'), join(dir, 'rtl')];
  hbnnProcess('random', '--layer', 'dense:512x64', '--out', model);
  expect(hbnnProcess('verilog', '--model', model, '--out', rtl).code).toBe(0);
  const args = ['synth', '--rtl', rtl, '--no-cache', '--json'];
  const synthesizing = (err: string): boolean => err.includes('synthesizing');
  const { code, out, err } = await stopped(args, ['SIGINT'], synthesizing);
  expect(out, err).not.toBe('');
  expect([code, JSON.parse(out)]).toEqual([
    130,
    {
      error: 'stopped by SIGINT',
      signal: 'SIGINT',
      kept: 'nothing: --no-cache keeps no results',
      resume: `hbnn synth --rtl ${rtl} --no-cache --json`,
    },
  ]);
});

describe('hbnn verify, told to stop', () => {
  const dir = temporary();
  const [model, rtl] = [join(dir, 'm.hbnn'), join(dir, 'rtl')];
  const args = ['verify', '--model', model, '--rtl', rtl, '--images', '300000'];
  beforeAll(() => {
    hbnnProcess('random', '--layer', 'dense:256x64', '--out', model);
    expect(hbnnProcess('verilog', '--model', model, '--out', rtl).code).toBe(0);
  });

  it.each(endings)(
    'by %s, ends at once, however busy it is, and says how to begin again',
    async (signal, expected) => {
      const begun = performance.now();
      const { code, out, err } = await stopped(
        args,
        [signal],
        () => performance.now() - begun > 4000,
      );
      // Images as many as that take more than half a minute.
      expect(performance.now() - begun).toBeLessThan(15_000);
      expect([code, out]).toEqual([expected, '']);
      expect(err.slice(err.indexOf('hbnn: '))).toBe(
        `hbnn: stopped by ${signal}\nKept: nothing: a check begins anew\nContinue with:\n  hbnn ${args.join(' ')}\n`,
      );
    },
  );

  it.each(endings)('by %s while it proves, ends alike', async (signal, expected) => {
    // A layer that is read soon and has sums that sat does not end with.
    const [model, rtl] = ['layer.hbnn', 'rtl'].map((name) => join(temporary(), name));
    const mix = ['--mix', '0.7/0.2/0.1'];
    hbnnProcess('random', '--seed', '1', '--layer', 'dense:96x12', ...mix, '--out', model);
    hbnnProcess('verilog', '--model', model, '--out', rtl);
    const few = ['--images', '1', '--proof', '--sat', '--seconds-per-layer', '600'];
    const prove = ['verify', '--model', model, '--rtl', rtl, ...few];
    const { code, out, err } = await stopped(prove, [signal], (text) => text.includes('proving'));
    expect([code, out]).toEqual([expected, '']);
    expect(err).toMatch(/^simulating [^\n]*\n(simulating [^\n]*\n)*proving /);
    expect(err.slice(err.indexOf('hbnn: '))).toBe(
      `hbnn: stopped by ${signal}\nKept: nothing: a check begins anew\nContinue with:\n  hbnn ${prove.join(' ')}\n`,
    );
  });

  it('and left alone, ends with the exit codes and lines that it had', () => {
    const [model, rtl] = ['small.hbnn', 'small'].map((name) => join(dir, name));
    hbnnProcess('random', '--layer', 'dense:64x8', '--out', model);
    expect(hbnnProcess('verilog', '--model', model, '--out', rtl).code).toBe(0);
    const few = ['verify', '--model', model, '--rtl', rtl];
    expect(hbnnProcess(...few, '--images', '2', '--json').code).toBe(0);
    const refused = hbnnProcess(...few, '--images', '0', '--json');
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/^hbnn: --images: expected at least 1, got 0; .*\n$/);
    expect(JSON.parse(refused.out)).toEqual({ error: refused.err.slice('hbnn: '.length).trim() });
  });
});

describe('hbnn compare-settings, told to stop', () => {
  it.each(endings)('by %s, keeps the trainings, says so, and goes on', async (signal, expected) => {
    const out = join(temporary(), 'compared');
    const few = ['--limit', '300', '--test-limit', '200', '--epochs', '6', '--recalibrate', '0'];
    const begin = ['compare-settings', '--weights', '1,2', '--seeds', '2', ...few, '--out', out];
    const metrics = join(out, 'runs', 'weights-2', 'seed-1', 'metrics.jsonl');
    const cut = await stopped(begin, [signal], () => linesOf(metrics) >= 2);
    expect([cut.code, cut.out]).toEqual([expected, '']);
    expect(cut.err).toContain(
      `hbnn: stopped by ${signal}\nKept: 1 of 4 trainings, and the one that was under way, in ${out}\nContinue with:\n  hbnn compare-settings --out ${out} --resume\n`,
    );
    expect(existsSync(join(out, 'results.json'))).toBe(false);
    const resumed = hbnnProcess('compare-settings', '--out', out, '--resume', '--json');
    expect(resumed.code, resumed.err).toBe(0);
    expect(JSON.parse(resumed.out).runs).toHaveLength(4);
  });
});

/** Runs a command on a terminal of the given width, types Ctrl-C once a bar is shown, and prints the output and the status. */
const onTerminal = `
import fcntl, json, os, pty, select, struct, sys, termios, time
pid, fd = pty.fork()
if pid == 0:
    time.sleep(0.2)
    os.execvp(sys.argv[2], sys.argv[2:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, int(sys.argv[1]), 0, 0))
out, bar = b'', None
while True:
    if select.select([fd], [], [], 0.05)[0]:
        try:
            part = os.read(fd, 65536)
        except OSError:
            break
        if not part:
            break
        out += part
    if bar is None and b'images/s' in out:
        bar = time.time()
    if bar and time.time() - bar > 0.5:
        bar = float('inf')
        os.write(fd, b'\\x03')
print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), out.decode('utf8', 'replace')]))
`;

describe.runIf(spawnSync('python3', ['-c', 'import pty']).status === 0)('on a terminal', () => {
  it('Ctrl-C leaves cursor and line wrap as they were, and no line is longer than the terminal', () => {
    const script = join(temporary(), 'terminal.py');
    writeFileSync(script, onTerminal);
    const out = join(temporary(), 'run');
    const args = ['train', '--epochs', '20', '--limit', '2000', '--out', out];
    const ran = spawnSync('python3', [script, '80', process.execPath, ...hbnnArguments(...args)], {
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    });
    expect(ran.status, ran.stderr).toBe(0);
    const [code, text] = JSON.parse(ran.stdout) as [number, string];
    expect(code).toBe(130);
    // Neither is ever switched off: ?25 is the cursor, ?7 the line wrap.
    expect(text).not.toContain(`${esc}[?25l`);
    expect(text).not.toContain(`${esc}[?7l`);
    expect(text).not.toContain(`${esc}[31m`);
    const column = `${esc}[1G`;
    const lines = stripVTControlCharacters(text.replaceAll('^C', '').replaceAll(column, '\n'))
      .replaceAll(`${esc}7`, '')
      .replaceAll(`${esc}8`, '')
      .split(/[\r\n]+/);
    for (const line of lines.filter((one) => !one.includes(out)))
      expect(line.length, line).toBeLessThan(80);
    expect(lines.join('\n')).toMatch(
      /^training [█░]+ +\d+% {2}accuracy [\d.]+ %, [\d,]+ images\/s, .* left/m,
    );
    expect(text).toMatch(
      /\nhbnn: stopped by SIGINT\r?\nKept: the training so far, in .*\r?\nContinue with:\r?\n {2}hbnn train --out /,
    );
  });
});
