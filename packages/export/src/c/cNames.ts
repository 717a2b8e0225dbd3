import { HbnnError, kindOf } from '@hbnn/core';

/** Headers of C99 and names whose file would stand in the way of one where `-I.` is given. */
const standardHeaders = new Set(
  'assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdarg stdbool stddef stdint stdio stdlib string tgmath time wchar wctype'.split(
    ' ',
  ),
);

/** Windows opens the device in place of such a file, whatever its ending. */
const deviceNames = /^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\.|$)/i;

/** The names of what is exported: functions begin with `prefix`, macros with `macro`. */
export interface CNames {
  readonly prefix: string;
  readonly macro: string;
  /** Names of the two files, without a folder. */
  readonly header: string;
  readonly source: string;
}

/** What an error calls an option of the export: the flag that sets it, where a command does. */
export type CPlaceOf = (option: 'stem' | 'name') => string;

const placeOfOption: CPlaceOf = () => 'C export';

/**
 * Choose the names of the two files and of what they define. A prefix may be a word of C, as every name has more
 * after it: `int_run`.
 *
 * @param stem the files' name without an ending
 * @param prefix what functions begin with; made of the stem where it is undefined
 * @param placeOf what errors call either
 * @throws HbnnError for a prefix that cannot begin a name of C, or a file called as a header of C
 */
export function cNames(stem: string, prefix?: string, placeOf: CPlaceOf = placeOfOption): CNames {
  for (const [option, value] of Object.entries({ stem, name: prefix }))
    if (value !== undefined && typeof value !== 'string')
      throw new HbnnError(
        `C export: expected a text as ${option}, got ${kindOf(value)}; give one such as net`,
      );
  if (deviceNames.test(stem))
    throw new HbnnError(
      `${placeOf('stem')}: expected a file name that every system takes, got '${stem}', which is a device in Windows; choose another, such as net`,
    );
  if (standardHeaders.has(stem.toLowerCase()))
    throw new HbnnError(
      `${placeOf('stem')}: expected a file name of your own, got ${stem}.h, a header of the C library; choose another, such as net.h`,
    );
  if (stem === '' || /[^\x20-\x7e]|["\\/?]/.test(stem))
    throw new HbnnError(
      `${placeOf('stem')}: expected a file name that a C program can include, got '${stem}'; use letters, digits, - and _`,
    );
  if (prefix !== undefined && !/^[A-Za-z][A-Za-z0-9_]*$/.test(prefix))
    throw new HbnnError(
      `${placeOf('name')}: expected a name that begins with a letter and has letters, digits and _ only, got '${prefix}'; choose one such as net`,
    );
  const name = prefix ?? identifier(stem);
  return {
    prefix: name,
    macro: name.toUpperCase(),
    header: `${stem}.h`,
    source: `${stem}.c`,
  };
}

/** A file's name as an identifier of C: `my-net 2` is `my_net_2`. */
function identifier(stem: string): string {
  const name = stem.replace(/[^A-Za-z0-9_]/g, '_').replace(/^_+/, '');
  return /^[A-Za-z]/.test(name) ? name : `net_${name}`;
}

/** Text that may stand in a comment of C: no end of comment, trigraph, backslash or control character. */
export const commentText = (text: string): string =>
  text
    .replace(/[^\x20-\x7e]|[\\]/g, '_')
    .replaceAll('*/', '* /')
    .replaceAll('/*', '/ *')
    .replaceAll('??', '? ?');

/** A string literal of C in UTF-8; bytes that could mean something else are octal escapes of three digits. */
export const stringLiteral = (text: string): string =>
  `"${[...new TextEncoder().encode(text)]
    .map((byte) =>
      /[A-Za-z0-9 _.,:+()-]/.test(String.fromCharCode(byte)) && byte < 128
        ? String.fromCharCode(byte)
        : `\\${byte.toString(8).padStart(3, '0')}`,
    )
    .join('')}"`;
