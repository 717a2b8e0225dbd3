import { isReserved } from './reservedWords.ts';

/** Letters of a name: file systems, and tools that put names together, have limits. */
const maxNameLength = 60;

/** Verilog names, each given once whatever letters a model has. */
export class Names {
  private readonly taken = new Set<string>();

  of(wanted: string, fallback: string): string {
    // VHDL has no two underscores in a row, and none at an end; hbnn_ begins modules that are not of a layer.
    const letters = wanted.replace(/[^A-Za-z0-9]+/g, '_').replace(/hbnn_/gi, 'hbnn');
    let name = letters.replace(/^_+/, '').slice(0, maxNameLength).replace(/_+$/, '');
    if (name === '') name = fallback;
    if (/^[0-9]/.test(name)) name = `${fallback}_${name}`;
    if (isReserved(name)) name = `m_${name}`;
    let unique = name;
    // Case does not tell files apart everywhere.
    for (let n = 2; this.taken.has(unique.toLowerCase()); n++) unique = `${name}_${n}`;
    this.taken.add(unique.toLowerCase());
    return unique;
  }
}
