import { expect, it } from 'vitest';
import { checkCallback, checkFlag, checkOptions, chosenName, nearestName } from './choice.ts';

const networks = [
  'fcn4',
  'alexnet-bn',
  'mobilenet',
  'vgg8',
  'alexnet-bn-full',
  'mobilenet-full',
  'vgg8-full',
];
const rules = ['middle-out', 'top-down', 'bottom-up', 'random', 'optimal'];
const boards = ['XC7Z045', 'zc706', 'XC7Z020', 'pynq', 'hx8k', 'up5k', 'ice40'];

it.each([
  ['middleout', rules, 'middle-out'],
  ['Middle-Out', rules, 'middle-out'],
  ['topdwon', rules, 'top-down'],
  ['optimum', rules, 'optimal'],
  ['alexnet', networks, 'alexnet-bn'],
  ['alexnet-reduced', networks, 'alexnet-bn'],
  ['vgg', networks, 'vgg8'],
  ['mobilnet', networks, 'mobilenet'],
  ['zc707', boards, 'zc706'],
  ['xc7z54', boards, 'XC7Z045'],
  ['hx8', boards, 'hx8k'],
  ['cifar', ['fashion-mnist', 'cifar10', 'folder'], 'cifar10'],
  ['fashion', ['cifar10', 'fashion-mnist-subset'], 'fashion-mnist-subset'],
  ['ab', ['cd', 'ef'], undefined],
  ['nexys', boards, undefined],
  ['', rules, undefined],
  ['resnet50', rules, undefined],
])('for %s it is near %j', (typed, names, near) => {
  expect(nearestName(typed, names)).toBe(near);
});

it('takes a name as it is, and says what was typed', () => {
  expect(chosenName('random', rules, '--select')).toBe('random');
  expect(() => chosenName('middleout', rules, '--select')).toThrow(
    "--select: expected one of middle-out, top-down, bottom-up, random, optimal, got 'middleout'; did you mean 'middle-out'?",
  );
  expect(() => chosenName('x', rules, '--select')).toThrow(/got 'x'; give one of these$/);
});

it.each([undefined, {}, { top: 3 }, { classes: undefined }])(
  'takes the options %j',
  (options = {}) => {
    expect(() => checkOptions('classify', options, ['top', 'classes'])).not.toThrow();
  },
);

it.each([
  [
    { topp: 3 },
    "no other options than top, classes, got 'topp'; leave it out; did you mean 'top'?",
  ],
  [null, 'an object of options (top, classes), got null; give one'],
  [[], 'an object of options (top, classes), got a plain array of 0; give one'],
  [new Uint8Array(2), 'an object of options (top, classes), got Uint8Array(2); give one'],
  ['top', 'an object of options (top, classes), got a string; give one'],
])('refuses the options %j', (options, text) => {
  expect(() => checkOptions('classify', options, ['top', 'classes'])).toThrow(
    `classify: expected ${text}`,
  );
});

it('refuses a callback that is none, and a flag that is neither true nor false', () => {
  checkCallback('quantize', 'onLayer', undefined);
  checkCallback('quantize', 'onLayer', () => {});
  checkFlag('loadModel', 'pack', false);
  checkFlag('loadModel', 'pack', undefined);
  expect(() => checkCallback('quantize', 'onLayer', 3)).toThrow(
    'quantize: expected a function as onLayer, got the number 3; give one or leave it out',
  );
  expect(() => checkFlag('loadModel', 'pack', 'yes')).toThrow(
    "loadModel: expected true or false as pack, got 'yes'; give one or leave it out",
  );
  expect(() => checkFlag('loadModel', 'relaxed', 1)).toThrow('got the number 1;');
});
