import { expect, it } from 'vitest';
import { wrapProse } from './wrapProse.ts';

it('wraps paragraphs, and leaves usage, options and examples as they are', () => {
  const text = [
    'Usage: hbnn verb [options] <a file with a long name>',
    '',
    'one two three',
    'four five',
    '',
    'Options:',
    '  --a-long-option <value>  what it does, in many words',
    '',
    'Example:',
    '  hbnn verb --a-long-option 1',
    '',
  ].join('\n');
  expect(wrapProse(text, 12).split('\n')).toEqual([
    'Usage: hbnn verb [options] <a file with a long name>',
    '',
    'one two',
    'three four',
    'five',
    '',
    'Options:',
    '  --a-long-option <value>  what it does, in many words',
    '',
    'Example:',
    '  hbnn verb --a-long-option 1',
    '',
  ]);
});

it('keeps a word that is longer than a line', () => {
  expect(wrapProse('a redis://HOST:PORT/DATABASE b', 10)).toBe('a\nredis://HOST:PORT/DATABASE\nb');
});
