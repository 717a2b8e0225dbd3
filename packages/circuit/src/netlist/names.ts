import { HbnnError, kindOf } from '@hbnn/core';
import { isReserved } from './reservedWords.ts';

/** Letters of a name: file systems, and tools that put names together, have limits. */
const maxNameLength = 60;

/** Letters of a prefix without its underscore. */
const maxPrefixLength = 20;

/**
 * A prefix of modules' names with the underscore that parts it from them; '' is none.
 *
 * @param place what errors call it
 * @throws HbnnError for letters that not every tool takes, and for names of other things
 */
export function checkedPrefix(prefix: string, place = 'prefix'): string {
  if (typeof prefix !== 'string')
    throw new HbnnError(
      `${place}: expected a text, got ${kindOf(prefix)}; choose a name such as net1`,
    );
  if (prefix === '') return '';
  const letters = prefix.replace(/_$/, '');
  const plain = /^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*$/.test(letters);
  if (!plain || letters.length > maxPrefixLength)
    throw new HbnnError(
      `${place}: expected a letter and up to ${maxPrefixLength - 1} more letters, digits and single underscores, got '${prefix}'; choose a name such as net1`,
    );
  const full = `${letters}_`;
  if (isReserved(`${full}layer`) || /^hbnn_/i.test(full))
    throw new HbnnError(
      `${place}: expected one that begins no name of a tool, a library or hbnn, got '${prefix}'; choose a name such as net1`,
    );
  return full;
}

/** Verilog names, each given once whatever letters a model has, and all with a prefix where there is one. */
export class Names {
  private readonly taken = new Set<string>();
  private readonly prefix: string;

  constructor(prefix = '') {
    this.prefix = prefix;
  }

  /** The name of a network's top module. Modules beside it, which tools are given on request, are named after it. */
  top(wanted: string, fallback: string): string {
    const name = this.of(wanted, fallback);
    for (const end of ['dma', 'sva']) this.taken.add(`${name}_${end}`.toLowerCase());
    return name;
  }

  of(wanted: string, fallback: string): string {
    // VHDL has no two underscores in a row, and none at an end; hbnn_ begins modules that are not of a layer.
    const letters = wanted.replace(/[^A-Za-z0-9]+/g, '_').replace(/hbnn_/gi, 'hbnn');
    // Names made of other names have the prefix already.
    const rest = letters.replace(/^_+/, '');
    const own = rest.startsWith(this.prefix) ? rest.slice(this.prefix.length) : rest;
    const length = maxNameLength - this.prefix.length;
    let name = own.slice(0, length).replace(/_+$/, '');
    if (name === '') name = fallback;
    if (/^[0-9]/.test(name)) name = `${fallback}_${name}`;
    if (isReserved(name)) name = `m_${name}`;
    name = `${this.prefix}${name}`;
    let unique = name;
    // Case does not tell files apart everywhere.
    for (let n = 2; this.taken.has(unique.toLowerCase()); n++) unique = `${name}_${n}`;
    this.taken.add(unique.toLowerCase());
    return unique;
  }
}
