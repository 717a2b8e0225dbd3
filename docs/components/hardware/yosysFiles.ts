/** Sizes of Yosys' files that `docs/scripts/generate.mjs` lists beside them, in bytes. */
type Sizes = Readonly<Record<string, number>>;

/** A screen reader reads each step aloud. */
const percentStep = 2;

/** Verilog that Yosys refuses, should a script read it. */
const leftOut = 'this site leaves out the models of cells that synthesis does not read';

/**
 * Loads Yosys' files and counts their bytes. A server that compresses says how many bytes it sends, and a page sees how
 * many it gets: so the sizes come from a list.
 */
export class YosysFiles {
  private loaded = 0;
  private told = 0;

  private readonly folder: URL;
  private readonly total: number;
  private readonly tell: (loaded: number, total: number) => void;

  private constructor(folder: URL, total: number, tell: (loaded: number, total: number) => void) {
    this.folder = folder;
    this.total = total;
    this.tell = tell;
  }

  /** @param script the address of Yosys' script, beside which its files are */
  static async at(
    script: string,
    tell: (loaded: number, total: number) => void,
  ): Promise<YosysFiles> {
    const answer = await answered(new URL('sizes.json', script));
    const sizes = (await answer.json()) as Sizes;
    const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
    return new YosysFiles(new URL('.', script), total, tell);
  }

  /** What Yosys' script asks for, in place of the browser's fetch. */
  async fetch(from: RequestInfo | URL): Promise<Response> {
    const url = new URL(from instanceof Request ? from.url : from);
    // Models of cells, 5 MB: the scripts of synthesis read none of them.
    if (url.href.startsWith(new URL('share/', this.folder).href)) return new Response(leftOut);
    const answer = await answered(url);
    const counting = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, to) => {
        this.count(chunk.byteLength);
        to.enqueue(chunk);
      },
    });
    // The browser compiles while it loads, if the type is right.
    const headers = { 'content-type': 'application/wasm' };
    return new Response(answer.body?.pipeThrough(counting), { headers });
  }

  private count(bytes: number): void {
    this.loaded += bytes;
    const percent = Math.floor((100 * this.loaded) / this.total);
    if (percent < this.told + percentStep && this.loaded < this.total) return;
    this.told = percent;
    this.tell(this.loaded, this.total);
  }
}

const browserFetch = globalThis.fetch;

async function answered(url: URL): Promise<Response> {
  const name = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
  let answer: Response;
  try {
    answer = await browserFetch(url);
  } catch {
    throw new Error(`${name} could not be loaded; is the browser offline?`);
  }
  if (!answer.ok) throw new Error(`${name}: the server answers ${answer.status}`);
  return answer;
}
