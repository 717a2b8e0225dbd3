/** What came out: a question, the verdict in a few words, and the figures in sentences that each stand alone. */
export interface Outcome {
  readonly question: string;
  readonly verdict: string;
  readonly sentences: readonly string[];
  readonly command: string;
}
export function outcomes(committed: string): Outcome[];
export function withOutcomes(readme: string, committed: string): string;
