/** The entry that a table has under a name out of a file. Names like `constructor`, which every object knows, have none. */
export const ownEntry = <Entry>(
  table: Readonly<Record<string, Entry>>,
  name: string,
): Entry | undefined => (Object.hasOwn(table, name) ? table[name] : undefined);
