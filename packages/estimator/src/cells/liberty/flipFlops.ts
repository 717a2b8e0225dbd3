import {
  evaluate,
  type LogicFunction,
  parseFunction,
  pinsOf,
  withoutConstants,
  writeFunction,
} from './logic.ts';
import type { LibertyGroup } from './parse.ts';
import { placeOf } from './units.ts';
import { pinNames } from './usable.ts';

/** Whether a group of a cell is its flip-flop or latch. */
export const isState = ({ kind }: LibertyGroup): boolean => /^(ff|latch)$/.test(kind);

/** What a flip-flop or latch states functions of. */
export const stateInputs: readonly string[] = [
  'next_state',
  'clocked_on',
  'data_in',
  'enable',
  'clear',
  'preset',
];

/**
 * A function that a flip-flop or latch states, as Yosys reads it: a pin or its opposite where no other pin changes it,
 * else with all its operators and parentheses.
 */
export function writeStateInput(f: LogicFunction): string {
  const plain = withoutConstants(f);
  const pin = onlyPin(plain);
  if (pin === undefined) return writeFunction(plain);
  return evaluate(plain, new Map([[pin, true]])) === true ? pin : `!${pin}`;
}

/** Whether Yosys reads a function of a flip-flop or latch as it is written: it knows no product without an operator. */
export function readsStateInput(text: string, f: LogicFunction): boolean {
  const dense = text.replace(/\s/g, '');
  const pin = onlyPin(f);
  if (pin !== undefined)
    return [pin, `!${pin}`, `${pin}'`, `(${pin})`, `!(${pin})`].includes(dense);
  const product = /[\w\])']\s+[\w(!]|[\])'][\w(!]|\w[(!]/;
  return writeFunction(withoutConstants(f)) === writeFunction(f) && !product.test(text);
}

/** The one pin that changes a function; undefined where there are more or none. */
function onlyPin(f: LogicFunction): string | undefined {
  const pins = pinsOf(f);
  const [pin] = pins;
  if (pins.length !== 1) return undefined;
  const [low, high] = [false, true].map((value) => evaluate(f, new Map([[pin, value]])));
  return low === high ? undefined : pin;
}

/**
 * Whether registers are built of a cell's flip-flop. Yosys takes one whose clock, clear and preset are one pin each,
 * that takes one pin, or one pin while another enables it, that gives its bit, and that has no other inputs. One for scan
 * chains takes either of two pins, and is left out.
 */
export function isPlainFlipFlop(cell: LibertyGroup): boolean {
  const states = cell.groups.filter(({ kind }) => kind === 'ff');
  return states.length === 1 && isPlainState(states[0]) && fitsPins(cell, states[0]);
}

function isPlainState(state: LibertyGroup): boolean {
  const variables = pinNames(state);
  const isOnePin = (f: LogicFunction | undefined): boolean => {
    const pin = f && onlyPin(f);
    return pin !== undefined && !variables.includes(pin);
  };
  const f = (name: string): LogicFunction | undefined => functionOf(state, name);
  const resets = [f('clear'), f('preset')].filter((each) => each !== undefined);
  if (!isOnePin(f('clocked_on')) || !resets.every(isOnePin)) return false;
  const next = f('next_state');
  if (next === undefined) return false;
  return isOnePin(next) || (resets.length === 0 && isEnabled(next, variables[0]));
}

/** Whether a cell has no inputs but those of its flip-flop, and gives the bit or its opposite. */
function fitsPins(cell: LibertyGroup, state: LibertyGroup): boolean {
  const named = new Set(
    stateInputs.flatMap((name) => {
      const f = functionOf(state, name);
      return f === undefined ? [] : pinsOf(f);
    }),
  );
  const pins = cell.groups.filter(({ kind }) => kind === 'pin');
  const inputs = pins.filter(({ attributes }) => attributes.get('direction')?.trim() === 'input');
  const variables = pinNames(state);
  const givesBit = pins.some((pin) => {
    const f = functionOf(pin, 'function');
    const given = f && onlyPin(f);
    return given !== undefined && variables.includes(given);
  });
  return givesBit && inputs.flatMap(pinNames).every((name) => named.has(name));
}

function functionOf(group: LibertyGroup, name: string): LogicFunction | undefined {
  const text = group.attributes.get(name);
  return text === undefined ? undefined : withoutConstants(parseFunction(text, placeOf(group)));
}

/** Whether a function is one pin where another one has one of its values, and the bit itself where it has not. */
function isEnabled(f: LogicFunction, bit: string): boolean {
  const all = pinsOf(f);
  const [first, second, ...more] = all.filter((pin) => pin !== bit);
  if (!all.includes(bit) || second === undefined || more.length > 0) return false;
  const truths = [false, true];
  const holds = (enable: string, on: boolean, data: string): boolean =>
    truths.every((a) =>
      truths.every((b) => {
        const value = (enabled: boolean): boolean =>
          evaluate(
            f,
            new Map([
              [enable, enabled],
              [data, a],
              [bit, b],
            ]),
          ) === true;
        return value(on) === a && value(!on) === b;
      }),
    );
  return truths.some((on) => holds(first, on, second) || holds(second, on, first));
}
