import {
  synthesisTarget,
  synthesize,
  type YosysJob,
  type YosysResult,
  yosysError,
} from '@hbnn/verilog';

/** What of @yowasp/yosys is used here. */
interface Yosys {
  readonly Exit: new () => Error;
  runYosys(
    args: readonly string[],
    files: Readonly<Record<string, string>>,
    options: {
      stdout(bytes: Uint8Array | null): void;
      stderr(bytes: Uint8Array | null): void;
      decodeASCII: boolean;
      fetchProgress?(event: { totalLength: number; doneLength: number }): void;
    },
  ): Promise<unknown>;
}

interface Order {
  readonly yosys: string;
  readonly files: Readonly<Record<string, string>>;
  readonly top: string;
  readonly target: string;
}

async function runner(url: string): Promise<{ run(job: YosysJob): Promise<YosysResult> }> {
  const yosys = (await import(/* @vite-ignore */ url)) as Yosys;
  return {
    async run({ name, script, files }) {
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
            fetchProgress: ({ doneLength, totalLength }) => {
              self.postMessage({ loaded: doneLength, total: totalLength });
            },
          },
        );
      } catch (error) {
        if (error instanceof yosys.Exit) throw yosysError(log, name);
        throw error;
      }
      return { output, log, seconds: (performance.now() - start) / 1000 };
    },
  };
}

self.addEventListener('message', async ({ data }: MessageEvent<Order>) => {
  const { files, top } = data;
  try {
    const target = synthesisTarget(data.target, () => {
      throw new Error('a page reads no library');
    });
    const cost = await synthesize(files, top, target, {
      runner: await runner(data.yosys),
      onFile: (done, total, name) => self.postMessage({ done, files: total, name }),
    });
    self.postMessage({ cost });
  } catch (error) {
    self.postMessage({ problem: error instanceof Error ? error.message : String(error) });
  }
});
