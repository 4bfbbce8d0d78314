import { pathText, valueText } from '../faults.ts';

/** As much of JSON Schema as @vercel/routing-utils uses in the schemas that it exports. */
export interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly not?: JsonSchema;
  readonly if?: JsonSchema;
  readonly then?: JsonSchema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

type Path = readonly PropertyKey[];

interface Fault {
  readonly path: Path;
  readonly text: string;
}

/** What is wrong with a value of which a schema is known, a line each, in the words of the other configuration errors. */
export function schemaFaults(schema: JsonSchema, value: unknown, path: Path): string[] {
  return check(schema, value, path).map((fault) => `${pathText(fault.path)}: ${fault.text}`);
}

function check(schema: JsonSchema, value: unknown, path: Path): Fault[] {
  const wanted = kindWanted(schema);
  if (wanted !== null && !isOfKind(schema.type!, value)) return [expected(wanted, value, path)];
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    return [expected(alternatives(schema.enum.map((each) => JSON.stringify(each))), value, path)];
  }
  return [
    ...(typeof value === 'string' ? ofText(schema, value, path) : []),
    ...(typeof value === 'number' ? ofNumber(schema, value, path) : []),
    ...(Array.isArray(value) ? ofList(schema, value, path) : []),
    ...(isObject(value) ? ofObject(schema, value, path) : []),
    ...ofCombination(schema, value, path),
  ];
}

function ofText({ minLength = 0, maxLength = Infinity, pattern }: JsonSchema, value: string, path: Path): Fault[] {
  if (value.length > maxLength) return [expected(`at most ${maxLength} characters`, `${value.length}`, path)];
  if (value.length < minLength) return [expected(`at least ${minLength} characters`, value, path)];
  return pattern === undefined || new RegExp(pattern).test(value)
    ? []
    : [expected(`text that matches ${pattern}`, value, path)];
}

function ofNumber({ minimum = -Infinity, maximum = Infinity }: JsonSchema, value: number, path: Path): Fault[] {
  return value >= minimum && value <= maximum ? [] : [expected(`a number from ${minimum} to ${maximum}`, value, path)];
}

function ofList({ minItems = 0, maxItems = Infinity, items }: JsonSchema, value: unknown[], path: Path): Fault[] {
  if (value.length > maxItems) return [expected(`at most ${maxItems} entries`, value.length, path)];
  if (value.length < minItems) return [expected(`at least ${minItems} entries`, value.length, path)];
  return items === undefined ? [] : value.flatMap((each, index) => check(items, each, [...path, index]));
}

function ofObject(schema: JsonSchema, value: Readonly<Record<string, unknown>>, path: Path): Fault[] {
  const { required = [], maxProperties = Infinity, minProperties = 0 } = schema;
  const entries = Object.entries(value);
  if (entries.length > maxProperties) return [expected(`at most ${maxProperties} entries`, entries.length, path)];
  if (entries.length < minProperties) return [expected(`at least ${minProperties} entries`, entries.length, path)];
  const missing = required.filter((name) => !Object.hasOwn(value, name));
  return [
    ...missing.map((name): Fault => ({ path: [...path, name], text: 'is missing' })),
    ...entries.flatMap(([name, each]) => ofProperty(schema, name, each, [...path, name])),
  ];
}

function ofProperty(schema: JsonSchema, name: string, value: unknown, path: Path): Fault[] {
  const { properties = {}, patternProperties = {}, additionalProperties = true } = schema;
  if (Object.hasOwn(properties, name)) return check(properties[name]!, value, path);
  const [, byPattern] = Object.entries(patternProperties).find(([pattern]) => new RegExp(pattern).test(name)) ?? [];
  if (byPattern !== undefined) return check(byPattern, value, path);
  return additionalProperties ? [] : [{ path, text: 'there is no such setting' }];
}

function ofCombination(schema: JsonSchema, value: unknown, path: Path): Fault[] {
  const found = (schema.allOf ?? []).flatMap((each) => check(each, value, path));
  if (schema.anyOf !== undefined) found.push(...ofAnyOf(schema.anyOf, value, path));
  if (schema.if !== undefined && schema.then !== undefined && check(schema.if, value, path).length === 0) {
    found.push(...check(schema.then, value, path));
  }
  if (schema.not !== undefined && check(schema.not, value, path).length === 0) {
    const name = schema.not.required?.[0];
    found.push({ path: name === undefined ? path : [...path, name], text: 'is not allowed here' });
  }
  return found;
}

/** Of several forms the one is meant that comes closest; where it is not even of the kind of one, all are named. */
function ofAnyOf(forms: readonly JsonSchema[], value: unknown, path: Path): Fault[] {
  const tried = forms.map((form) => check(form, value, path));
  if (tried.some((faults) => faults.length === 0)) return [];
  const kinds = forms.map(kindWanted);
  const ofKind = tried.filter((_, index) => kinds[index] === null || isOfKind(forms[index]!.type!, value));
  if (ofKind.length === 0)
    return [expected(alternatives([...new Set(kinds.filter((kind) => kind !== null))]), value, path)];
  return ofKind.reduce((least, faults) => (faults.length < least.length ? faults : least));
}

const kinds: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'a list',
  string: 'a string',
  boolean: 'true or false',
  number: 'a number',
  integer: 'a whole number',
};

const kindWanted = ({ type }: JsonSchema): string | null => (type === undefined ? null : (kinds[type] ?? type));

function isOfKind(type: string, value: unknown): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  return type === 'integer' ? Number.isInteger(value) : typeof value === type;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const alternatives = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

const expected = (wanted: string, value: unknown, path: Path): Fault => ({
  path,
  text: `expected ${wanted}, got ${valueText(value, path)}`,
});
