import { expect, it } from 'vitest';
import { chosenName, nearestName } from './choice.ts';

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
