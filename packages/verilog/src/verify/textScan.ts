import { HbnnError } from '@hbnn/core';

/** Directives that say nothing of what the hardware computes. */
const harmless = new Set([
  'timescale',
  'default_nettype',
  'resetall',
  'celldefine',
  'endcelldefine',
]);

/** What a tool may read in another way than the next: its name, and how it looks where strings and comments are blank. */
const readDifferently: readonly (readonly [what: string, looks: RegExp])[] = [
  [
    'an attribute that lets synthesis change a case statement',
    /\(\*[^)]*\b(full_case|parallel_case)\b/g,
  ],
  [
    'a constant with x or z, which simulators and synthesis take in their own ways',
    /'s?[bodh][\da-f_]*[xz?][\da-f_xz?]*/gi,
  ],
  ['a statement that compares x and z', /\bcase[xz]\b/g],
  ['a value that simulation alone forces', /\b(force|deassign)\b/g],
];

/** Comments that tools obey. */
const pragma = /\b(translate_o(?:ff|n)|full_case|parallel_case|synthesis_o(?:ff|n))\b/;

/**
 * Refuse Verilog that tools may read in different ways: what was checked has to be what others simulate and build.
 *
 * @throws HbnnError naming file, line and what stands there
 */
export function refuseAmbiguousText(sources: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(sources)) {
    if (!file.endsWith('.v')) continue;
    const refuse = (at: number, what: string): never => {
      const line = text.slice(0, at).split('\n').length;
      throw new HbnnError(
        `${file}, line ${line}: expected text that all tools read alike, got ${what}; write what is meant without it`,
      );
    };
    const plain = text.replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"/g, (part, at) => {
      const found = part.startsWith('"') ? null : pragma.exec(part);
      if (found !== null) refuse(at + found.index, `a comment that tools obey, '${found[1]}'`);
      return part.replace(/[^\n]/g, ' ');
    });
    for (const { 1: name, index } of plain.matchAll(/`\s*([A-Za-z_]\w*)?/g))
      if (!harmless.has(name ?? '')) refuse(index, `the compiler directive \`${name ?? ''}`);
    for (const [what, looks] of readDifferently) {
      const [found] = plain.matchAll(looks);
      if (found !== undefined) refuse(found.index, `${what}, '${found[0]}'`);
    }
  }
}
