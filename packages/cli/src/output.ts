/** Print a result: as one line of JSON, or as lines of `name: value`. */
export function printResult(result: Readonly<Record<string, unknown>>, json?: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  const width = Math.max(...Object.keys(result).map((name) => name.length));
  for (const [name, value] of Object.entries(result)) {
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    process.stdout.write(`${name.padEnd(width)}  ${text}\n`);
  }
}
