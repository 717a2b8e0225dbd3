import { HbnnError, suggestion } from '@hbnn/core';
import type { z } from 'zod';

/** What an error calls a field of a configuration: `config.epochs`, or the flag that sets it. */
export type PlaceOf = (field: string) => string;

type Issue = z.core.$ZodIssue;

const typeNames: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'text',
  array: 'a list',
  object: 'an object of settings',
};

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined,
    input,
  );
}

/** A value as a person typed it. */
function typed(value: unknown): string {
  if (value === undefined) return 'none';
  if (typeof value === 'string') return `'${value}'`;
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

function limit(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>): string {
  const few = issue.code === 'too_small';
  const bound = few ? issue.minimum : issue.maximum;
  const words = few ? ['at least', 'more than'] : ['at most', 'less than'];
  const size = `${issue.inclusive ? words[0] : words[1]} ${bound}`;
  return issue.origin === 'array' ? `${size} values` : size;
}

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_value':
      return `expected one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
    case 'too_big':
      return `expected ${limit(issue)}`;
    case 'invalid_type':
      return `expected ${typeNames[issue.expected] ?? issue.expected}`;
    case 'invalid_union':
      return "expected 'float', a number or a mix such as 0.7/0.2/0.1";
    default:
      return lowerFirst(issue.message);
  }
}

/** What to give instead; nothing where the issue's own message says it. */
function wayOut(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_value':
      return '; give one of these';
    case 'too_small':
    case 'too_big': {
      const few = issue.code === 'too_small';
      return issue.origin === 'array'
        ? `; give ${few ? 'more' : 'fewer'}`
        : `; give a ${few ? 'larger' : 'smaller'} one`;
    }
    case 'invalid_type':
      return '; give one';
    case 'invalid_union':
    case 'custom':
      return '; write it in one of these forms';
    default:
      return '';
  }
}

/** The question whether a name that is near was meant: a whole value, or one of the names in it, as in crop:4,flip. */
function nearestOf(issue: Issue, text: string): string {
  if (issue.code === 'invalid_value') return suggestion(text, issue.values.map(String));
  if (issue.code !== 'custom' || !Array.isArray(issue.params?.names)) return '';
  const names = issue.params.names.map(String);
  const other = text
    .split(',')
    .map((part) => part.trim().split(':')[0])
    .find((name) => !names.some((each) => each.split(':')[0] === name));
  return other === undefined ? '' : suggestion(other, names);
}

/** What other tools call the settings of a training, written without marks between words. */
const otherNames: Readonly<Record<string, string>> = {
  abits: 'inputs',
  alpha: 'widthMultiplier',
  activationbits: 'inputs',
  arch: 'network',
  architecture: 'network',
  augmentation: 'augment',
  batchsize: 'batch',
  bits: 'weights',
  decay: 'weightDecay',
  eta: 'learningRate',
  lr: 'learningRate',
  maxepochs: 'epochs',
  mom: 'momentum',
  net: 'network',
  model: 'network',
  numepochs: 'epochs',
  randomseed: 'seed',
  rule: 'select',
  scheduler: 'schedule',
  wbits: 'weights',
  wd: 'weightDecay',
  weightbits: 'weights',
};

function otherName(key: string, fields: readonly string[]): string {
  const name = otherNames[key.toLowerCase().replaceAll(/[-_ ]/g, '')];
  return name !== undefined && fields.includes(name) ? `; did you mean '${name}'?` : '';
}

/**
 * Say what is wrong with a configuration: the place, what was expected, what came, and the nearest name.
 *
 * @param fields the names of all fields
 */
export function configFault(
  issue: Issue,
  input: unknown,
  placeOf: PlaceOf,
  fields: readonly string[],
): HbnnError {
  const field = issue.path.map(String).join('.');
  const place = placeOf(field);
  if (issue.code === 'unrecognized_keys') {
    const [key] = issue.keys;
    const near = field === '' ? otherName(key, fields) || suggestion(key, fields) : '';
    return new HbnnError(`${place}: unknown setting '${key}'${near}; mend it or leave it out`);
  }
  const value = valueAt(input, issue.path);
  // What stands inside of a text, such as crop in 'crop:x', has no place of its own in the input.
  const [top] = issue.path;
  const whole = value === undefined && top !== undefined ? valueAt(input, [top]) : value;
  const near = typeof value === 'string' ? nearestOf(issue, value) : '';
  const way = near || wayOut(issue);
  return new HbnnError(`${place}: ${expectation(issue)}, got ${typed(whole)}${way}`);
}
