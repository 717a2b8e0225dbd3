import { HbnnError } from '@hbnn/core';

/** Of a function's text; those of open libraries have at most a few hundred characters. */
const longest = 2000;

/**
 * The truth table of a Liberty function over its inputs: entry i is the value where input k is bit k of i.
 *
 * Liberty writes inversion as ! before or ' after, and as &, * or nothing, exclusive or as ^, or as | or +.
 *
 * @throws HbnnError for a function that cannot be read, or names another pin
 */
export function truthTable(text: string, inputs: readonly string[], where: string): boolean[] {
  if (text.length > longest)
    throw new HbnnError(
      `${where}: expected a function of at most ${longest} characters, got ${text.length}`,
    );
  const tokens = text.match(/[A-Za-z_][\w[\]]*|[01]|[!'&*^|+()]|\S/g) ?? [];
  return Array.from({ length: 2 ** inputs.length }, (_, i) => {
    const values = new Map(inputs.map((name, k) => [name, ((i >> k) & 1) === 1]));
    return evaluate(tokens, values, `${where}: function '${text}'`);
  });
}

function evaluate(
  tokens: readonly string[],
  values: ReadonlyMap<string, boolean>,
  where: string,
): boolean {
  let at = 0;
  const or = (): boolean => {
    let value = exclusive();
    while (tokens[at] === '|' || tokens[at] === '+') {
      at++;
      value = exclusive() || value;
    }
    return value;
  };
  const exclusive = (): boolean => {
    let value = and();
    while (tokens[at] === '^') {
      at++;
      value = and() !== value;
    }
    return value;
  };
  const and = (): boolean => {
    let value = factor();
    for (;;) {
      if (tokens[at] === '&' || tokens[at] === '*') at++;
      else if (tokens[at] === undefined || !/^[\w!(]/.test(tokens[at])) return value;
      value = factor() && value;
    }
  };
  const factor = (): boolean => {
    if (tokens[at] === '!') {
      at++;
      return !factor();
    }
    let value = operand();
    for (; tokens[at] === "'"; at++) value = !value;
    return value;
  };
  const operand = (): boolean => {
    const token = tokens[at++];
    if (token === '(') {
      const value = or();
      if (tokens[at++] !== ')') throw new HbnnError(`${where}: expected ')'`);
      return value;
    }
    if (token === '0' || token === '1') return token === '1';
    const value = token === undefined ? undefined : values.get(token);
    if (value === undefined)
      throw new HbnnError(`${where}: expected a pin of the cell, got '${token ?? 'its end'}'`);
    return value;
  };
  const value = or();
  if (at !== tokens.length) throw new HbnnError(`${where}: expected its end, got '${tokens[at]}'`);
  return value;
}
