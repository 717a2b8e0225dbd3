import {
  synthesisTarget,
  synthesize,
  type YosysJob,
  type YosysResult,
  type YosysRunner,
  yosysError,
} from '@hbnn/verilog';
import type { SynthesisNews, SynthesisOrder } from './synthesisMessages.ts';
import { YosysFiles } from './yosysFiles.ts';

/** What of @yowasp/yosys is used here. */
interface Yosys {
  readonly Exit: new () => Error;
  /** Without arguments it loads what it needs, and runs nothing. */
  runYosys(
    args: readonly string[] | null,
    files?: Readonly<Record<string, string>>,
    options?: {
      stdout(bytes: Uint8Array | null): void;
      stderr(bytes: Uint8Array | null): void;
      decodeASCII: boolean;
    },
  ): Promise<unknown>;
}

const tell = (news: SynthesisNews): void => self.postMessage(news);
const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Yosys, loaded once for all files of all orders that this worker gets. */
let loading: Promise<Yosys> | undefined;

async function load(url: string): Promise<Yosys> {
  const files = await YosysFiles.at(url, (loaded, total) => tell({ loaded, ofBytes: total }));
  // Yosys keeps the fetch that is there when its script starts.
  globalThis.fetch = (from) => files.fetch(from);
  const yosys = (await import(/* @vite-ignore */ url)) as Yosys;
  // Each run that begins before the first has loaded would load everything again.
  await yosys.runYosys(null);
  return yosys;
}

async function runJob(yosys: Yosys, { name, script, files }: YosysJob): Promise<YosysResult> {
  const start = performance.now();
  const decoder = new TextDecoder();
  let [output, log] = ['', ''];
  try {
    await yosys.runYosys(
      ['-q', '-s', 'script.ys'],
      { ...files, 'script.ys': script },
      {
        stdout: (bytes) => {
          if (bytes) output += decoder.decode(bytes, { stream: true });
        },
        stderr: (bytes) => {
          if (bytes) log += new TextDecoder().decode(bytes);
        },
        decodeASCII: true,
      },
    );
  } catch (error) {
    if (error instanceof yosys.Exit) throw yosysError(log, name);
    throw error;
  }
  return { output, log, seconds: (performance.now() - start) / 1000 };
}

/** Runs one job after the other: side by side they would only share this worker's thread, and its memory. */
function oneByOne(yosys: Yosys): YosysRunner {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(job) {
      const next = last.then(async () => {
        // What follows from the job before is told first: Yosys runs without a pause.
        await new Promise((resolve) => setTimeout(resolve, 0));
        tell({ started: job.name });
        return runJob(yosys, job);
      });
      last = next.catch(() => undefined);
      return next;
    },
  };
}

self.addEventListener('message', async ({ data }: MessageEvent<SynthesisOrder>) => {
  const { files, top } = data;
  let yosys: Yosys;
  try {
    loading ??= load(data.yosys);
    yosys = await loading;
  } catch (error) {
    tell({ problem: `Yosys did not start: ${messageOf(error)}.` });
    return;
  }
  try {
    const target = synthesisTarget(data.target, () => {
      throw new Error('a page reads no library');
    });
    const cost = await synthesize(files, top, target, {
      runner: oneByOne(yosys),
      onFile: (done, total) => tell({ done, files: total }),
    });
    tell({ cost });
  } catch (error) {
    tell({ problem: `Yosys did not finish: ${messageOf(error)}.` });
  }
});
