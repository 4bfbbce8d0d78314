import { encoded } from './template.ts';

/** A query that changes while it is routed. Parameters keep the spelling that they came with. */
export class Query {
  /** Without `?`. */
  readonly text: string;
  private known: readonly Parameter[] | null;

  constructor(text: string, known: readonly Parameter[] | null = null) {
    this.text = text;
    this.known = known;
  }

  private get parameters(): readonly Parameter[] {
    this.known ??= parse(this.text);
    return this.known;
  }

  names(): string[] {
    return [...new Set(this.parameters.map(({ name }) => name))];
  }

  /** Of several with one name, the last: as Next.js does it, whose conditions these are. */
  get(name: string): string | undefined {
    if (this.text === '') return undefined;
    const found = this.parameters.findLast((parameter) => parameter.name === name);
    return found === undefined ? undefined : decodedPart(valueOf(found.text));
  }

  /**
   * What a destination adds. The request's own parameters win, except over what Next.js calls route parameters: who asks
   * for `/blog/a?nxtPslug=b` must not get the page b, which would be kept as page a.
   */
  withDefaults(added: readonly Parameter[]): Query {
    if (added.length === 0) return this;
    if (this.text === '') return fromParameters(added);
    const forced = new Set(added.filter(({ name }) => isRouteParameter(name)).map(({ name }) => name));
    const own = forced.size === 0 ? this.parameters : this.parameters.filter(({ name }) => !forced.has(name));
    const taken = new Set(own.map(({ name }) => name));
    return fromParameters([...own, ...added.filter(({ name }) => !taken.has(name))]);
  }

  append(name: string, values: readonly string[]): Query {
    return fromParameters([...this.parameters, ...values.map((value) => parameterOf(name, value))]);
  }

  set(name: string, values: readonly string[]): Query {
    return this.without(name).append(name, values);
  }

  without(name: string): Query {
    return fromParameters(this.parameters.filter((parameter) => parameter.name !== name));
  }
}

export interface Parameter {
  /** Decoded. */
  readonly name: string;
  /** `name=value` as it stands in the query. */
  readonly text: string;
}

/** `nxtPslug`, `nxtIlocale`: parameters of the route and of intercepted routes, by the names that Next.js gives them. */
export const isRouteParameter = (name: string): boolean => name.startsWith('nxtP') || name.startsWith('nxtI');

export const parameterOf = (name: string, value: string): Parameter => ({
  name,
  text: `${encoded(name)}=${encoded(value)}`,
});

const fromParameters = (parameters: readonly Parameter[]): Query =>
  new Query(parameters.map(({ text }) => text).join('&'), parameters);

const valueOf = (text: string): string => {
  const equals = text.indexOf('=');
  return equals === -1 ? '' : text.slice(equals + 1);
};

/** `application/x-www-form-urlencoded`; what is badly encoded is taken as it is. */
export function decodedPart(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

function parse(text: string): Parameter[] {
  const found: Parameter[] = [];
  for (const part of text.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    found.push({ name: decodedPart(equals === -1 ? part : part.slice(0, equals)), text: part });
  }
  return found;
}
