import type { DesignCost } from '@hbnn/verilog';

/** What the page asks the synthesis worker for. */
export interface SynthesisOrder {
  /** Where Yosys' script is. */
  readonly yosys: string;
  readonly files: Readonly<Record<string, string>>;
  readonly top: string;
  readonly target: string;
}

/** What the synthesis worker says: how far it is, then the cost or why there is none. */
export type SynthesisNews =
  | { readonly loaded: number; readonly ofBytes: number }
  | { readonly done: number; readonly files: number }
  | { readonly started: string }
  | { readonly cost: DesignCost }
  | { readonly problem: string };

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);

/** How far a synthesis is, in words, from the news so far. */
export class SynthesisProgress {
  private done = 0;
  private files = 0;
  private started = '';
  private loading = '';

  hear(news: SynthesisNews): void {
    if ('loaded' in news) {
      const { loaded, ofBytes } = news;
      this.loading =
        loaded < ofBytes
          ? `Loading Yosys: ${Math.floor((100 * loaded) / ofBytes)} % of ${megabytes(ofBytes)} MB`
          : 'Yosys is loaded. The browser compiles it …';
    }
    if ('done' in news) {
      this.done = news.done;
      this.files = news.files;
    }
    if ('started' in news) this.started = news.started;
  }

  get words(): string {
    if (this.started === '') return this.loading || 'Loading Yosys …';
    return `${this.done} of ${this.files} files done. Yosys is at ${this.started} …`;
  }
}
