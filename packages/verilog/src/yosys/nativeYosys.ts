import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { yosysError } from './yosys.ts';
import { type YosysJob, type YosysResult, type YosysRunner, YosysTimeout } from './yosysPool.ts';

/** Yosys of the machine, by its name or path. */
export interface NativeYosys {
  readonly path: string;
  /** What it says of itself: Yosys 0.23 (…). */
  readonly version: string;
}

/**
 * Find a Yosys that is installed on the machine.
 *
 * @param path its program; without it the one that the shell finds
 * @param place what errors call the choice
 * @throws HbnnError where there is none
 */
export function findNativeYosys(path = 'yosys', place = 'yosys'): NativeYosys {
  const { error, stdout, status } = spawnSync(path, ['-V'], { encoding: 'utf8' });
  const version = /^Yosys \S+/.exec(stdout ?? '')?.[0];
  if (error === undefined && status === 0 && version !== undefined) return { path, version };
  const why =
    error === undefined ? `a program that says '${(stdout ?? '').slice(0, 40).trim()}'` : 'none';
  throw new HbnnError(
    `${place}: expected Yosys at '${path}', got ${why}; install it, give its path, or leave this out for the one of the npm package`,
  );
}

/** A script without an option that came with Yosys 0.38. */
function scriptFor({ version }: NativeYosys, script: string): string {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(version) ?? [];
  const hasScopes = Number(major) > 0 || Number(minor) >= 38;
  return hasScopes ? script : script.replaceAll('flatten -noscopeinfo', 'flatten');
}

/** Runs jobs in a native Yosys, each in a folder of its own, as many at once as there are cores unless told otherwise. */
export class NativeRunner implements YosysRunner {
  private readonly yosys: NativeYosys;
  private readonly size: number;
  private running = 0;
  private readonly queue: (() => void)[] = [];

  constructor(yosys: NativeYosys, size: number = availableParallelism()) {
    this.yosys = yosys;
    this.size = size;
  }

  async run(job: YosysJob): Promise<YosysResult> {
    if (this.running >= this.size) await new Promise<void>((go) => this.queue.push(go));
    this.running++;
    const folder = mkdtempSync(join(tmpdir(), 'hbnn-yosys-'));
    try {
      const script = scriptFor(this.yosys, job.script);
      for (const [name, text] of Object.entries({ ...job.files, 'script.ys': script }))
        writeFileSync(join(folder, name), text);
      return await this.started(job, folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
      this.running--;
      this.queue.shift()?.();
    }
  }

  private started({ name, maxSeconds }: YosysJob, cwd: string): Promise<YosysResult> {
    const start = performance.now();
    return new Promise((resolve, reject) => {
      const run = spawn(this.yosys.path, ['-q', '-s', 'script.ys'], {
        cwd,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      // A process that ends early takes its Yosys with it.
      const end = (): void => void run.kill();
      process.once('exit', end);
      const output: Buffer[] = [];
      const log: Buffer[] = [];
      run.stdout.on('data', (bytes: Buffer) => output.push(bytes));
      run.stderr.on('data', (bytes: Buffer) => log.push(bytes));
      let late = false;
      const timer =
        maxSeconds === undefined
          ? undefined
          : setTimeout(() => {
              late = true;
              run.kill();
            }, 1000 * maxSeconds);
      const finish = (): string => {
        clearTimeout(timer);
        process.off('exit', end);
        return Buffer.concat(log).toString('utf8');
      };
      run.on('error', (error) => {
        finish();
        reject(
          new HbnnError(
            `${name}: expected Yosys to start, got: ${error.message}; look at ${this.yosys.path}`,
          ),
        );
      });
      run.on('close', (code) => {
        const said = finish();
        const seconds = (performance.now() - start) / 1000;
        if (late) reject(new YosysTimeout(`${name}: Yosys was ended after ${maxSeconds} s`));
        else if (code === 0)
          resolve({ output: Buffer.concat(output).toString('utf8'), log: said, seconds });
        else reject(yosysError(said, name));
      });
    });
  }
}
