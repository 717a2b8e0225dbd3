import { HbnnError, suggestion } from '@hbnn/core';
import type { LogicFunction } from './logic.ts';
import type { LibertyGroup } from './parse.ts';
import { mean, meanOverStates, type RailValue, whenOf } from './states.ts';

/** Energy in the library's unit, read at a load in the library's unit. */
export type LoadFunction = (load: number) => number;

type Edge = 'rise' | 'fall';

/** One table of a pin with what it is for. */
interface PowerTable {
  readonly relatedPin: string;
  readonly rail?: string;
  readonly when?: string;
  /** A table of `power` is for both edges. */
  readonly edges: readonly Edge[];
  readonly energy: LoadFunction;
}

/** The templates of a library's tables by name: one of power may have the name of one of delays, and power is read here. */
export const templatesOf = (library: LibertyGroup): ReadonlyMap<string, LibertyGroup> =>
  new Map(
    ['lu_table_template', 'power_lut_template'].flatMap((templateKind) =>
      library.groups
        .filter(({ kind }) => kind === templateKind)
        .map((template): [string, LibertyGroup] => [template.names[0] ?? '', template]),
    ),
  );

/** Read the tables of a pin, whether or not they will be used. @throws HbnnError for a table that cannot be read */
export function checkPower(
  { groups }: LibertyGroup,
  templates: ReadonlyMap<string, LibertyGroup>,
): void {
  for (const group of groups) if (group.kind === 'internal_power') tablesOf(group, templates);
}

/**
 * The internal energy of one change at a pin: the mean over related pins and edges of what the cell's supply pins take
 * together, averaged over states. Undefined for a pin without tables.
 */
export function pinEnergy(
  pin: LibertyGroup,
  templates: ReadonlyMap<string, LibertyGroup>,
  functions: ReadonlyMap<string, LogicFunction>,
): LoadFunction | undefined {
  const tables = pin.groups
    .filter(({ kind }) => kind === 'internal_power')
    .flatMap((group) => tablesOf(group, templates));
  if (tables.length === 0) return undefined;
  const where = `${pin.file}, line ${pin.line}`;
  const related = [...new Set(tables.map(({ relatedPin }) => relatedPin))];
  return (load) => {
    const ofPins = related.flatMap((name) => {
      const arc = tables.filter(({ relatedPin }) => relatedPin === name);
      const edges = (['rise', 'fall'] as const).flatMap((edge) => {
        const values = arc
          .filter(({ edges: own }) => own.includes(edge))
          .map((table) => railValue(table, load));
        return meanOverStates(values, functions, where) ?? [];
      });
      return edges.length === 0 ? [] : [mean(edges)];
    });
    return mean(ofPins);
  };
}

const railValue = ({ rail, when, energy }: PowerTable, load: number): RailValue => ({
  ...(rail !== undefined && { rail }),
  ...(when !== undefined && { when }),
  value: energy(load),
});

const edgesOf: Readonly<Record<string, readonly Edge[]>> = {
  power: ['rise', 'fall'],
  rise_power: ['rise'],
  fall_power: ['fall'],
};

/** The tables of an internal_power group; `related_pin` may name several pins. */
function tablesOf(
  { attributes, groups }: LibertyGroup,
  templates: ReadonlyMap<string, LibertyGroup>,
): PowerTable[] {
  const rail = attributes.get('related_pg_pin') ?? attributes.get('power_level');
  const when = whenOf(attributes);
  const named = (attributes.get('related_pin') ?? '').split(/[\s,]+/).filter((pin) => pin !== '');
  const pins = named.length === 0 ? [''] : named;
  return groups
    .filter(({ kind }) => Object.hasOwn(edgesOf, kind))
    .flatMap((table) => {
      const energy = tableOf(table, templates);
      return pins.map((relatedPin) => ({
        relatedPin,
        ...(rail !== undefined && { rail }),
        ...(when !== undefined && { when }),
        edges: edgesOf[table.kind],
        energy,
      }));
    });
}

interface Axis {
  readonly variable: string;
  readonly points: readonly number[];
}

/** A table of up to three variables, read at a load and at the middle of its slopes. */
function tableOf(table: LibertyGroup, templates: ReadonlyMap<string, LibertyGroup>): LoadFunction {
  const where = `${table.file}, line ${table.line}`;
  const rows = (table.lists.get('values')?.[0] ?? []).map((row) => numbers(row, where));
  // Values of several dimensions may be in one string: the indices tell where its rows end.
  const values = rows.flat();
  if (values.length === 0)
    throw new HbnnError(
      `${where}: expected values of ${table.kind}, got none; add values, or take the table out`,
    );
  const axes = axesOf(table, templateOf(table, templates), where);
  if (axes.length === 0 && values.length > 1)
    throw new HbnnError(
      `${where}: expected one value of ${table.kind} (${table.names.join(', ')}), which has no index_1, got ${values.length}; add the indices to the table or to its template`,
    );
  if (axes.length === 0) return () => values[0];
  const wanted = axes.reduce((product, { points }) => product * points.length, 1);
  const isOfFirst = values.length === axes[0].points.length;
  if (values.length !== wanted && !isOfFirst)
    throw new HbnnError(
      `${where}: expected ${axes.map(({ points }) => points.length).join(' × ')} values, got ${values.length}; mend the values or the indices`,
    );
  const given = values.length === wanted ? axes : axes.slice(0, 1);
  const loadAxis = loadAxisOf(given);
  return (load) => atLoad(values, given, loadAxis, load);
}

/** The template that a table names. @throws HbnnError where the library has none of that name */
function templateOf(
  table: LibertyGroup,
  templates: ReadonlyMap<string, LibertyGroup>,
): LibertyGroup | undefined {
  const name = table.names[0] ?? '';
  const template = templates.get(name);
  if (template !== undefined || name === '' || name === 'scalar') return template;
  throw new HbnnError(
    `${table.file}, line ${table.line}: expected a template of the library for ${table.kind}, got '${name}', which it has not; add a power_lut_template (${name}), which says what the table's indices are`,
  );
}

/** The variables of power tables: slopes of inputs, the output's own load, and the load of the cell's other output. */
const variables: readonly string[] = [
  'input_transition_time',
  'input_net_transition',
  'total_output_net_capacitance',
  'equal_or_opposite_output_net_capacitance',
];

/** What an axis of a table is; '' where its template does not say. @throws HbnnError for one that is not known */
function variableOf(template: LibertyGroup | undefined, n: number): string {
  const variable = template?.attributes.get(`variable_${n}`) ?? '';
  if (template === undefined || variable === '' || variables.includes(variable)) return variable;
  throw new HbnnError(
    `${template.file}, line ${template.line}: expected variable_${n} of ${template.kind} (${template.names.join(', ')}), which a power table has, as one of ${variables.join(', ')}, got '${variable}'${suggestion(variable, variables) || '; mend the template, or take its power tables out'}`,
  );
}

function axesOf(table: LibertyGroup, template: LibertyGroup | undefined, where: string): Axis[] {
  const axes: Axis[] = [];
  for (const n of [1, 2, 3]) {
    const index = table.lists.get(`index_${n}`)?.[0] ?? template?.lists.get(`index_${n}`)?.[0];
    if (index === undefined) break;
    const points = numbers(index.join(','), where);
    if (points.length === 0)
      throw new HbnnError(
        `${where}: expected numbers as index_${n}, got none; write them as index_${n} ("0.1, 0.2")`,
      );
    const fallen = points.findIndex((point, i) => i > 0 && !(point > points[i - 1]));
    if (fallen >= 0)
      throw new HbnnError(
        `${where}: expected numbers that rise as index_${n}, got ${points[fallen]} behind ${points[fallen - 1]}; put them in order, and the values with them`,
      );
    axes.push({ variable: variableOf(template, n), points });
  }
  return axes;
}

/** The axis of the output's own load; a table of two axes that does not say has it second. */
function loadAxisOf(axes: readonly Axis[]): number {
  const said = axes.findIndex(
    ({ variable }) => variable.includes('capacitance') && !isOtherOutput(variable),
  );
  if (said >= 0) return said;
  return axes.length === 2 && !isOtherOutput(axes[1].variable) ? 1 : -1;
}

/** The load of the cell's other output, which is left open: designs here use one output of a flip-flop. */
const isOtherOutput = (variable: string): boolean => variable.includes('equal_or_opposite');

function atLoad(
  values: readonly number[],
  axes: readonly Axis[],
  loadAxis: number,
  load: number,
): number {
  if (axes.length === 0) return values[0];
  const [first, ...rest] = axes;
  const size = values.length / first.points.length;
  const part = (i: number): number =>
    atLoad(values.slice(i * size, (i + 1) * size), rest, loadAxis - 1, load);
  if (loadAxis === 0)
    return interpolated(
      first.points,
      first.points.map((_, i) => part(i)),
      load,
    );
  return part(isOtherOutput(first.variable) ? 0 : middle(first.points));
}

const middle = (list: readonly unknown[]): number => Math.floor((list.length - 1) / 2);

function numbers(text: string, where: string): number[] {
  const list = text.split(/[\s,]+/).filter((part) => part !== '');
  const values = list.map(Number);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new HbnnError(
      `${where}: expected numbers in the table, got '${list[bad]}'; mend that number`,
    );
  return values;
}

/** Linear between the points, and constant beyond the ends. */
function interpolated(x: readonly number[], y: readonly number[], at: number): number {
  if (at <= x[0]) return y[0];
  for (let i = 1; i < x.length; i++)
    if (at <= x[i]) return y[i - 1] + ((at - x[i - 1]) / (x[i] - x[i - 1])) * (y[i] - y[i - 1]);
  return y[x.length - 1];
}
