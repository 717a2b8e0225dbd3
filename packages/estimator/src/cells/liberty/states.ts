import { evaluate, type LogicFunction, parseFunction, pinsOf } from './logic.ts';

/** What a library says of one supply pin in the states of its `when`. */
export interface RailValue {
  /** The `related_pg_pin`; undefined where the value is the whole cell's. */
  readonly rail?: string;
  /** The states it is for; undefined for those that no other value is for. */
  readonly when?: string;
  readonly value: number;
}

/** The states that a group of a library is for; undefined where it names none, an empty condition included. */
export const whenOf = (attributes: ReadonlyMap<string, string>): string | undefined =>
  attributes.get('when')?.trim() || undefined;

/** Pins whose states are all looked at; a cell with more is averaged over its different `when`. */
const maxStatePins = 12;

interface SpokenValue extends RailValue {
  readonly holds: boolean;
}

/**
 * The mean over a cell's states of what its supply pins take together. In a state, values of different supply pins are
 * added; one without `when` counts where no other of its supply pin does, and one of the whole cell where none of a
 * supply pin does.
 *
 * @param functions the functions of the cell's outputs, which say what states there are
 * @param where what messages begin with
 * @param otherwise the value of a state that no other is for
 * @returns undefined where there are no values
 * @throws HbnnError for a `when` that cannot be read
 */
export function meanOverStates(
  values: readonly RailValue[],
  functions: ReadonlyMap<string, LogicFunction>,
  where: string,
  otherwise?: number,
): number | undefined {
  const conditions = new Map<string, LogicFunction>();
  for (const { when } of values)
    if (when !== undefined && !conditions.has(when))
      conditions.set(when, parseFunction(when, where));
  const sums = statesOf(conditions, functions).flatMap((truths) => {
    const spoken = values.map((value) => ({
      ...value,
      holds: value.when !== undefined && truths.has(value.when),
    }));
    return inOneState(spoken) ?? otherwise ?? [];
  });
  return sums.length === 0 ? undefined : mean(sums);
}

/** The `when` that hold, for each state of a cell. */
function statesOf(
  conditions: ReadonlyMap<string, LogicFunction>,
  functions: ReadonlyMap<string, LogicFunction>,
): ReadonlySet<string>[] {
  if (conditions.size === 0) return [new Set()];
  const pins = new Set([...conditions.values()].flatMap(pinsOf));
  const outputs = [...functions].filter(([pin]) => pins.has(pin));
  for (const [, f] of outputs) for (const pin of pinsOf(f)) pins.add(pin);
  if (pins.size > maxStatePins) return [...conditions.keys()].map((when) => new Set([when]));
  const names = [...pins];
  const states: Set<string>[] = [];
  for (let i = 0; i < 2 ** names.length; i++) {
    const state = new Map(names.map((name, k) => [name, ((i >> k) & 1) === 1]));
    if (outputs.some(([pin, f]) => evaluate(f, state) !== state.get(pin))) continue;
    const holding = [...conditions].filter(([, f]) => evaluate(f, state) === true);
    states.push(new Set(holding.map(([when]) => when)));
  }
  return states;
}

/** What is taken in a state; undefined where nothing is said of it. */
function inOneState(values: readonly SpokenValue[]): number | undefined {
  const ofRails = values.filter(({ rail }) => rail !== undefined);
  const ofCell = values.filter(({ rail }) => rail === undefined);
  const speaking = ofRails.some(({ holds }) => holds);
  if (!speaking && ofCell.some(({ holds }) => holds)) return ofOneRail(ofCell);
  if (ofRails.length === 0) return ofOneRail(ofCell);
  const rails = new Set(ofRails.map(({ rail }) => rail));
  const found = [...rails].flatMap(
    (rail) => ofOneRail(ofRails.filter((value) => value.rail === rail)) ?? [],
  );
  return found.length === 0 ? ofOneRail(ofCell) : found.reduce((a, b) => a + b, 0);
}

function ofOneRail(values: readonly SpokenValue[]): number | undefined {
  const holding = values.filter(({ holds }) => holds);
  const taken = holding.length > 0 ? holding : values.filter(({ when }) => when === undefined);
  return taken.length === 0 ? undefined : mean(taken.map(({ value }) => value));
}

export const mean = (list: readonly number[]): number =>
  list.reduce((a, b) => a + b, 0) / list.length;
