import type { IntegerLayer, IntegerWeights } from '../integerModel.ts';
import type { HeaderValue } from './headerCode.ts';

type Json = Readonly<Record<string, unknown>>;
type Fail = (what: string) => Error;

// The order of kinds, fields and words is the file's format: it changes only with the major version.
const modelFields: readonly string[] = [
  'name',
  'input',
  'classes',
  'scoreFactor',
  'scoreOffsets',
  'layers',
  'sections',
];
/** The fields of version 3: the layers that each layer reads, by number, none for the one before it. */
const branchedFields: readonly string[] = [...modelFields, 'sources'];
const inputFields: readonly string[] = ['shape', 'zeros'];
const sectionFields: readonly string[] = ['length', 'crc'];

const layerFields = {
  conv: ['name', 'strides', 'padding', 'weights'],
  depthwise: ['name', 'strides', 'padding', 'weights'],
  dense: ['name', 'weights'],
  maxPool: ['name', 'size', 'strides', 'padding'],
  sumPool: ['name', 'size', 'strides'],
  threshold: ['name', 'mapPer', 'planes', 'counts'],
  requantize: ['name', 'minimum', 'maximum'],
  add: ['name'],
  concat: ['name'],
} satisfies Record<IntegerLayer['kind'], readonly string[]>;

/** The kinds of version 2: those of a chain. */
const { add: _add, concat: _concat, ...chainFields } = layerFields;

const weightFields = {
  planes: ['shape', 'mapPer', 'scalePer', 'planes', 'counts'],
  int8: ['shape'],
} satisfies Record<IntegerWeights['kind'], readonly string[]>;

type KindFields = Readonly<Record<string, readonly string[]>>;

/** Granularities that are written as their number here; others, `block:K`, as text. */
const words = ['element', 'position', 'input', 'output', 'channel', 'tensor'];
const isWordField = (field: string): boolean => field === 'mapPer' || field === 'scalePer';

/** A header as lists whose positions are the fields; a layer and its weights begin with the number of their kind. */
export function recordsOf(header: Json): HeaderValue {
  return valuesOf(header.sources === undefined ? modelFields : branchedFields, header);
}

const valuesOf = (fields: readonly string[], record: Json): HeaderValue[] =>
  fields.map((field) => encodedField(field, record[field]));

function encodedField(field: string, value: unknown): HeaderValue {
  if (field === 'input') return valuesOf(inputFields, value as Json);
  if (field === 'layers')
    return (value as Json[]).map((layer) => kindAndValues(layerFields, layer));
  if (field === 'weights') return kindAndValues(weightFields, value as Json);
  if (field === 'sections')
    return (value as Json[]).flatMap((section) => valuesOf(sectionFields, section));
  if (isWordField(field) && words.includes(value as string)) return words.indexOf(value as string);
  return value as HeaderValue;
}

function kindAndValues(kinds: KindFields, record: Json): HeaderValue[] {
  const kind = record.kind as string;
  return [Object.keys(kinds).indexOf(kind), ...valuesOf(kinds[kind], record)];
}

/**
 * The header that such lists stand for.
 *
 * @param branched whether the layers that each layer reads come with it, as in version 3
 * @throws what `fail` makes where a kind is unknown or a record has more or fewer fields than it should
 */
export function headerOfRecords(values: HeaderValue, branched: boolean, fail: Fail): Json {
  return recordOf(branched ? branchedFields : modelFields, values, 'the header', fail);
}

function recordOf(fields: readonly string[], values: HeaderValue, what: string, fail: Fail): Json {
  if (typeof values !== 'object') throw fail(`expected ${what} to be a list of its fields`);
  if (values.length !== fields.length)
    throw fail(
      `${what}: expected ${fields.length} fields (${fields.join(', ')}), got ${values.length}`,
    );
  return Object.fromEntries(
    fields.map((field, i) => [field, fieldOf(fields, field, values[i], what, fail)]),
  );
}

function fieldOf(
  fields: readonly string[],
  field: string,
  value: HeaderValue,
  what: string,
  fail: Fail,
): unknown {
  if (field === 'input') return recordOf(inputFields, value, 'input', fail);
  if (field === 'weights') return recordOfKind(weightFields, value, `${what}.weights`, fail);
  if (field === 'sections') return sectionsOf(value, fail);
  if (field === 'layers' && typeof value === 'object') {
    const kinds = fields === branchedFields ? layerFields : chainFields;
    return value.map((layer, i) => recordOfKind(kinds, layer, `layer ${i}`, fail));
  }
  if (isWordField(field) && typeof value === 'number') {
    if (words[value] === undefined)
      throw fail(`${what}.${field}: expected a known granularity, got number ${value}`);
    return words[value];
  }
  return value;
}

function recordOfKind(kinds: KindFields, values: HeaderValue, what: string, fail: Fail): Json {
  if (typeof values !== 'object' || values.length === 0)
    throw fail(`expected ${what} to be a list of its kind and fields`);
  const [code, ...rest] = values;
  const kind = typeof code === 'number' ? Object.keys(kinds)[code] : undefined;
  if (kind === undefined)
    throw fail(
      `${what}: expected a known kind (0 to ${Object.keys(kinds).length - 1}), got ${typeof code === 'number' ? code : typeof code}`,
    );
  return { kind, ...recordOf(kinds[kind], rest, what, fail) };
}

function sectionsOf(value: HeaderValue, fail: Fail): Json[] {
  if (typeof value !== 'object' || value.length % sectionFields.length !== 0)
    throw fail('expected a length and a checksum of each section');
  return Array.from({ length: value.length / 2 }, (_, i) => ({
    length: value[2 * i],
    crc: value[2 * i + 1],
  }));
}

/**
 * Refuse fields of a header in JSON that a reader does not know: it would compute something else than was meant.
 *
 * @throws what `fail` makes
 */
export function refuseUnknownFields(header: unknown, fail: Fail): void {
  refuseFields(header, modelFields, 'the header', fail);
  const { input, layers, sections } = (header ?? {}) as Json;
  refuseFields(input, inputFields, 'input', fail);
  if (Array.isArray(sections))
    sections.forEach((section: unknown, i) => {
      refuseFields(section, sectionFields, `section ${i}`, fail);
    });
  if (!Array.isArray(layers)) return;
  layers.forEach((layer: unknown, i) => {
    refuseFieldsOfKind(layer, layerFields, `layer ${i}`, fail);
    const weights = (layer as Json | null)?.weights;
    refuseFieldsOfKind(weights, weightFields, `layer ${i}.weights`, fail);
  });
}

/** What is no record, or of no known kind, is the reader's own to refuse. */
function refuseFieldsOfKind(record: unknown, kinds: KindFields, what: string, fail: Fail): void {
  const kind = (record as Json | null | undefined)?.kind;
  if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) return;
  refuseFields(record, ['kind', ...kinds[kind]], what, fail);
}

function refuseFields(record: unknown, fields: readonly string[], what: string, fail: Fail): void {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return;
  const unknown = Object.keys(record).find((field) => !fields.includes(field));
  if (unknown !== undefined)
    throw fail(
      `${what}: expected no other fields than ${fields.join(', ')}, got '${unknown.slice(0, 40)}'`,
    );
}
