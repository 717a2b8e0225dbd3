import { HbnnError } from '@hbnn/core';

/** Characters of a function; those of open libraries have at most a few hundred. */
const maxLength = 2000;

/** A function of pins, as Liberty writes it. */
export type LogicFunction =
  | { readonly kind: 'constant'; readonly value: boolean }
  | { readonly kind: 'pin'; readonly name: string }
  | { readonly kind: 'not'; readonly of: LogicFunction }
  | {
      readonly kind: 'xor' | 'and' | 'or';
      readonly left: LogicFunction;
      readonly right: LogicFunction;
    };

type Operator = 'or' | 'and' | 'xor';

/** Liberty's operators from the one that binds last; inversion binds before all of them. */
const libertyOrder: readonly Operator[] = ['or', 'and', 'xor'];
/** The order in which abc, which maps gates to cells, reads the same text. */
const abcOrder: readonly Operator[] = ['or', 'xor', 'and'];

/**
 * Parse a Liberty function. Inversion is ! before or ' after; exclusive or is ^; AND is &, * or nothing; OR is | or +.
 * They bind in this order: inversion, exclusive or, AND, OR.
 *
 * @param where what messages begin with
 * @throws HbnnError for a function that cannot be read
 */
export function parseFunction(text: string, where: string): LogicFunction {
  return parsed(text, where, libertyOrder);
}

/** Whether abc reads another function from the text than Liberty means, or cannot read it: it fails at constants. */
export const abcReadsOtherwise = (text: string, where: string): boolean =>
  writeFunction(withoutConstants(parseFunction(text, where))) !==
  writeFunction(parsed(text, where, abcOrder));

/** The same function written without constants; a function that no pin changes becomes one constant. */
export function withoutConstants(f: LogicFunction): LogicFunction {
  if (f.kind === 'constant' || f.kind === 'pin') return f;
  if (f.kind === 'not') return inverse(withoutConstants(f.of));
  const [left, right] = [withoutConstants(f.left), withoutConstants(f.right)];
  const [constant, other] = left.kind === 'constant' ? [left, right] : [right, left];
  if (constant.kind !== 'constant') return { kind: f.kind, left, right };
  if (f.kind === 'xor') return constant.value ? inverse(other) : other;
  return constant.value === (f.kind === 'and') ? other : constant;
}

const inverse = (f: LogicFunction): LogicFunction =>
  f.kind === 'constant' ? { kind: 'constant', value: !f.value } : { kind: 'not', of: f };

function parsed(text: string, where: string, order: readonly Operator[]): LogicFunction {
  if (text.length > maxLength)
    throw new HbnnError(
      `${where}: expected a function of at most ${maxLength} characters, got ${text.length}; write a shorter one`,
    );
  return new FunctionParser(text, where, order).whole();
}

/** A pin's name may be in quotes, which a string that it is in escapes: \"1A\". */
const tokenPattern =
  /\\?"\w[\w.$]*(?:\[[\w:]*\])?\\?"|[A-Za-z_][\w.$]*(?:\[[\w:]*\])?|\d\w*(?:\[[\w:]*\])?|\S/g;

class FunctionParser {
  private readonly tokens: readonly string[];
  private readonly where: string;
  private readonly order: readonly Operator[];
  private at = 0;

  constructor(text: string, where: string, order: readonly Operator[]) {
    this.order = order;
    this.tokens = (text.match(tokenPattern) ?? []).map((token) => token.replace(/\\?"/g, ''));
    this.where = `${where}: function '${text}'`;
  }

  whole(): LogicFunction {
    const all = this.level(0);
    if (this.at !== this.tokens.length)
      throw new HbnnError(
        `${this.where}: expected its end, got '${this.tokens[this.at]}'; mend the function`,
      );
    return all;
  }

  /** Operands joined by the operator of a level. */
  private level(k: number): LogicFunction {
    const kind = this.order[k];
    if (kind === undefined) return this.inverted();
    let left = this.level(k + 1);
    while (this.takesOperator(kind)) left = { kind, left, right: this.level(k + 1) };
    return left;
  }

  private takesOperator(kind: Operator): boolean {
    if (kind === 'or') return this.take('|', '+');
    if (kind === 'xor') return this.take('^');
    return this.take('&', '*') || this.beginsOperand();
  }

  private inverted(): LogicFunction {
    let marks = 0;
    while (this.take('!')) marks++;
    let value = this.operand();
    while (this.take("'")) marks++;
    for (; marks > 0; marks--) value = { kind: 'not', of: value };
    return value;
  }

  private operand(): LogicFunction {
    const token = this.tokens[this.at++];
    if (token === '(') {
      const value = this.level(0);
      if (!this.take(')'))
        throw new HbnnError(`${this.where}: expected ')'; close the parenthesis`);
      return value;
    }
    if (token === '0' || token === '1') return { kind: 'constant', value: token === '1' };
    if (token === undefined || !/^\w/.test(token))
      throw new HbnnError(
        `${this.where}: expected a pin of the cell, got '${token ?? 'its end'}'; name an input pin there`,
      );
    return { kind: 'pin', name: token };
  }

  private take(...wanted: readonly string[]): boolean {
    if (!wanted.includes(this.tokens[this.at])) return false;
    this.at++;
    return true;
  }

  private beginsOperand(): boolean {
    return /^[\w!(]/.test(this.tokens[this.at] ?? '');
  }
}

/** The value of a function; a pin without a value is undefined, and so is what depends on it. */
export function evaluate(
  f: LogicFunction,
  values: ReadonlyMap<string, boolean>,
): boolean | undefined {
  switch (f.kind) {
    case 'constant':
      return f.value;
    case 'pin':
      return values.get(f.name);
    case 'not': {
      const value = evaluate(f.of, values);
      return value === undefined ? undefined : !value;
    }
    default: {
      const [left, right] = [evaluate(f.left, values), evaluate(f.right, values)];
      if (left === undefined || right === undefined) return undefined;
      if (f.kind === 'xor') return left !== right;
      return f.kind === 'and' ? left && right : left || right;
    }
  }
}

/** The pins that a function names, each once. */
export function pinsOf(f: LogicFunction): string[] {
  if (f.kind === 'constant') return [];
  if (f.kind === 'pin') return [f.name];
  if (f.kind === 'not') return pinsOf(f.of);
  return [...new Set([...pinsOf(f.left), ...pinsOf(f.right)])];
}

const marks = { xor: '^', and: '&', or: '|' } as const;

/** A function with all its parentheses, which every reader takes alike. */
export function writeFunction(f: LogicFunction): string {
  if (f.kind === 'constant') return f.value ? '1' : '0';
  if (f.kind === 'pin') return f.name;
  if (f.kind === 'not') return `!${writeFunction(f.of)}`;
  return `(${writeFunction(f.left)} ${marks[f.kind]} ${writeFunction(f.right)})`;
}

/**
 * The truth table of a Liberty function over its inputs: entry i is the value where input k is bit k of i.
 *
 * @throws HbnnError for a function that cannot be read, or names another pin
 */
export function truthTable(text: string, inputs: readonly string[], where: string): boolean[] {
  const f = parseFunction(text, where);
  const other = pinsOf(f).find((pin) => !inputs.includes(pin));
  if (other !== undefined)
    throw new HbnnError(
      `${where}: function '${text}': expected a pin of the cell, got '${other}'; name one of ${inputs.join(', ')} there`,
    );
  return Array.from({ length: 2 ** inputs.length }, (_, i) => {
    const values = new Map(inputs.map((name, k) => [name, ((i >> k) & 1) === 1]));
    return evaluate(f, values) === true;
  });
}
