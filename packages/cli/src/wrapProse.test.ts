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

it('wraps a paragraph that ends in a colon, and leaves the list below it', () => {
  expect(wrapProse('one two three\nfour is one of:\n  five  six seven', 12)).toBe(
    'one two\nthree four\nis one of:\n  five  six seven',
  );
});
