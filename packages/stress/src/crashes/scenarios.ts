import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRtl } from '@hbnn/cli/readers';
import { decodeModel } from '@hbnn/model';
import { filesDigest, type Scenario, sha256, withoutTimes } from './scenario.ts';

/** What all scenarios take from: made once, whole. */
export interface Sources {
  /** What Node is given to run hbnn. */
  readonly hbnn: readonly string[];
  readonly run: string;
  readonly model: string;
  readonly otherRtl: string;
  readonly rtl: string;
  readonly tensor: string;
  /** What Node is given to fetch a file once, with its address and digest. */
  readonly fetch: readonly string[];
  readonly fetched: Uint8Array;
}

export const training = [
  '--network fcn4 --widths 8 --limit 320 --test-limit 200 --epochs 3 --batch 32 --backend wasm',
  '--learning-rate 0.1 --recalibrate 100',
]
  .join(' ')
  .split(' ');

/** Metrics without the times of steps. */
const metricsOf = (file: string): string =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(withoutTimes)
    .join('\n');

const runDigest = (folder: string): string =>
  [
    sha256(readFileSync(join(folder, 'weights.bin'))),
    metricsOf(join(folder, 'metrics.jsonl')),
    withoutTimes(readFileSync(join(folder, 'result.json'), 'utf8')),
  ].join('\n');

/** A file that is there is the whole one. */
const wholeOrNone =
  (file: string) =>
  (folder: string, reference: string): string | undefined => {
    const path = join(folder, file);
    if (!existsSync(path) || sha256(readFileSync(path)) === reference) return undefined;
    return `${file} is half-written`;
  };

const fileDigest =
  (file: string) =>
  (folder: string): string =>
    sha256(readFileSync(join(folder, file)));

export function scenarios(s: Sources): readonly Scenario[] {
  const quick = ['--checkpoint-seconds', '0.02'];
  return [
    {
      name: 'training',
      command: (folder, again) => [
        ...s.hbnn,
        'train',
        ...training,
        ...quick,
        '--out',
        join(folder, 'run'),
        ...(again && existsSync(join(folder, 'run/config.json')) ? ['--resume'] : []),
      ],
      digest: (folder) => runDigest(join(folder, 'run')),
    },
    {
      name: 'sweep',
      command: (folder, again) => [
        ...s.hbnn,
        'compare-settings',
        ...training,
        ...quick,
        '--weights',
        '1,2',
        '--seeds',
        '2',
        '--out',
        join(folder, 'sweep'),
        ...(again && existsSync(join(folder, 'sweep')) ? ['--resume'] : []),
      ],
      digest: (folder) =>
        ['results.csv', 'results.json']
          .map((name) => readFileSync(join(folder, 'sweep', name), 'utf8'))
          .map((text, i) => (i === 0 ? String(text.split('\n').length) : withoutTimes(text)))
          .join('\n'),
    },
    {
      name: 'model file',
      command: (folder) => [
        ...s.hbnn,
        'lower',
        '--run',
        s.run,
        '--out',
        join(folder, 'net.hbnn'),
        '--test-limit',
        '50',
      ],
      digest: fileDigest('net.hbnn'),
      faultOf(folder, reference) {
        const file = join(folder, 'net.hbnn');
        if (!existsSync(file)) return undefined;
        decodeModel(readFileSync(file), file);
        return wholeOrNone('net.hbnn')(folder, reference);
      },
    },
    {
      name: 'Verilog',
      prepare: (folder) => cpSync(s.otherRtl, join(folder, 'rtl'), { recursive: true }),
      command: (folder) => [...s.hbnn, 'verilog', '--model', s.model, '--out', join(folder, 'rtl')],
      digest: (folder) => filesDigest(join(folder, 'rtl'), /(hbnn|manifest)\.json$/),
      faultOf(folder, reference) {
        let isRead = false;
        try {
          readRtl(join(folder, 'rtl'));
          isRead = true;
        } catch {
          return undefined;
        }
        const now = filesDigest(join(folder, 'rtl'), /(hbnn|manifest)\.json$|\.tmp$/);
        const before = filesDigest(s.otherRtl, /(hbnn|manifest)\.json$/);
        return isRead && now !== reference && now !== before
          ? 'a mixture is read as whole'
          : undefined;
      },
    },
    {
      name: 'synthesis',
      command: () => [...s.hbnn, 'synth', '--rtl', s.rtl, '--json', '--workers', '1'],
      env: (folder) => ({ HBNN_CACHE: join(folder, 'cache') }),
      digest: (_, out) => withoutTimes(out),
    },
    {
      name: 'tensor files',
      command: (folder, again) => [
        ...s.hbnn,
        'binarize',
        s.tensor,
        '--average',
        '1.4',
        '--out',
        join(folder, 'planes'),
        ...(again ? ['--force'] : []),
      ],
      digest: (folder) => filesDigest(join(folder, 'planes'), /^\.hbnn-/),
    },
    {
      name: 'report',
      command: (folder) => [
        ...s.hbnn,
        'plot',
        '--run',
        s.run,
        '--out',
        join(folder, 'curves.html'),
      ],
      digest: fileDigest('curves.html'),
      faultOf: wholeOrNone('curves.html'),
    },
    {
      name: 'fetch',
      command: (folder) => [...s.fetch, join(folder, 'data/file.bin')],
      digest: fileDigest('data/file.bin'),
      faultOf: wholeOrNone('data/file.bin'),
    },
  ];
}
