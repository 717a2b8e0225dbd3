import type { Rom } from '@hbnn/circuit';

/** What a memory that is only read takes where it is made of look-up tables. */
export interface RomTables {
  /** Tables over the lowest address bits; equal tables count once. */
  readonly tables: number;
  /** Two-way choices among them by the higher address bits. */
  readonly choices: number;
  /** Different columns of bits that are not always the same: those that a register behind the memory keeps. */
  readonly columns: number;
}

/** Bits of a column that fit a look-up table, as text; the word of most addresses fills those that are not there. */
function columnsOf({ width, addressWidth, words }: Rom): string[] {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(`${word}`, (counts.get(`${word}`) ?? 0) + 1);
  const [common] = [...counts].sort((a, b) => b[1] - a[1])[0];
  const binary = words.map((word) => word.toString(2).padStart(width, '0'));
  const filled = BigInt(common).toString(2).padStart(width, '0');
  const size = 2 ** addressWidth;
  return Array.from({ length: width }, (_, bit) => {
    const at = width - 1 - bit;
    let column = '';
    for (let i = 0; i < size; i++) column += (binary[i] ?? filled)[at];
    return column;
  });
}

const isConstant = (bits: string): boolean => !bits.includes(bits[0] === '0' ? '1' : '0');

/** A column and its inverse count as one table. */
const inverseOf = (bits: string): string =>
  bits.replace(/[01]/g, (bit) => (bit === '0' ? '1' : '0'));
const positive = (bits: string): string => (bits[0] === '0' ? bits : inverseOf(bits));

/** Whether a column is an address bit as it is. */
function isAddressBit(bits: string): boolean {
  const half = bits.indexOf(bits[0] === '0' ? '1' : '0');
  if (Math.log2(half) % 1 !== 0) return false;
  for (let i = 0; i < bits.length; i++)
    if ((bits[i] === bits[0]) !== ((i & half) === 0)) return false;
  return true;
}

/** Count the columns of a memory's bits that are not always the same: those that a memory has to hold. */
export const varyingColumns = (rom: Rom): number =>
  columnsOf(rom).filter((column) => !isConstant(column)).length;

/** Count the look-up tables of `tableInputs` inputs that a memory that is only read comes to. */
export function romTables(rom: Rom, tableInputs: number): RomTables {
  const chunk = 2 ** tableInputs;
  const seen = new Set<string>();
  const columns = new Set<string>();
  let choices = 0;
  const varying = new Set<string>();
  for (const column of columnsOf(rom)) {
    if (isConstant(column)) continue;
    varying.add(column);
    const own = positive(column);
    if (columns.has(own) || isAddressBit(own)) continue;
    columns.add(own);
    const parts = new Set<string>();
    for (let at = 0; at < own.length; at += chunk) {
      const part = own.slice(at, at + chunk);
      parts.add(part);
      if (!isConstant(part) && !isAddressBit(part)) seen.add(positive(part));
    }
    choices += choicesOf(own, chunk);
  }
  return { tables: seen.size, choices, columns: varying.size };
}

/** Count the two-way choices that a column needs: none where its two halves are equal. */
function choicesOf(column: string, chunk: number): number {
  if (column.length <= chunk) return 0;
  const half = column.length / 2;
  const [low, high] = [column.slice(0, half), column.slice(half)];
  if (low === high) return choicesOf(low, chunk);
  return 1 + choicesOf(low, chunk) + choicesOf(high, chunk);
}
