/** What came out, in a sentence each. */
export interface Outcome {
  readonly question: string;
  readonly verdict: string;
  readonly text: string;
  readonly command: string;
}
export function outcomes(committed: string): Outcome[];
export function withOutcomes(readme: string, committed: string): string;
