import { type LedgerLine, trainingKey } from './ledger.ts';
import { trainingText } from './verify.ts';

/** How trainings done here compare with the same ones of the committed ledgers, in words; the first line sums up. */
export function ledgerDifferences(
  own: readonly LedgerLine[],
  committed: readonly LedgerLine[],
): string[] {
  const byKey = new Map(
    committed.map((line) => [trainingKey(line.config, line.data.sha256), line]),
  );
  const pairs = own.flatMap((line) => {
    const there = byKey.get(trainingKey(line.config, line.data.sha256));
    return there === undefined ? [] : [{ here: line, there }];
  });
  const unequal = pairs.filter(({ here, there }) => here.weightsSha256 !== there.weightsSha256);
  const alone = own.length - pairs.length;
  const summary =
    `${own.length} trainings here: ${pairs.length - unequal.length} have the weights of the committed ones, ` +
    `${unequal.length} have others, ${alone} are not among the committed ones`;
  const details = unequal.map(({ here, there }) => {
    const [a, b] = [here, there].map(({ top1 }) => (100 * top1).toFixed(2));
    return `${trainingText(here)}: top-1 ${a} % here, ${b} % committed`;
  });
  return [summary, ...details];
}
