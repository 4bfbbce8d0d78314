import { type Parameter, decodedPart, isRouteParameter } from './query.ts';
import { type Captured, type Names, type Template, compileTemplate, expand } from './template.ts';
import { absolutePath } from './transforms.ts';

/** `dest` of a rule: a path, or a URL elsewhere. */
export interface CompiledDestination {
  /** `https://` and host; null: it is a path. */
  readonly authority: Template | null;
  readonly path: Template;
  readonly query: readonly CompiledParameter[];
}

interface CompiledParameter {
  readonly name: Template;
  /** The name, decoded; null: it is not the same for all requests. */
  readonly plain: string | null;
  readonly value: Template;
  /** `name` alone, without `=`. */
  readonly bare: boolean;
}

const absolute = /^(https?:\/\/[^/?#]*)(.*)$/is;

export function compileDestination(dest: string, names: Names): CompiledDestination {
  const parts = absolute.exec(dest);
  const [beforeFragment = ''] = (parts === null ? dest : parts[2]!).split('#', 1);
  const question = beforeFragment.indexOf('?');
  const path = question === -1 ? beforeFragment : beforeFragment.slice(0, question);
  const query = question === -1 ? '' : beforeFragment.slice(question + 1);
  return {
    authority: parts === null ? null : compileTemplate(parts[1]!, names),
    path: compileTemplate(path, names),
    query: query
      .split('&')
      .filter((part) => part !== '')
      .map((part) => compileParameter(part, names)),
  };
}

function compileParameter(part: string, names: Names): CompiledParameter {
  const equals = part.indexOf('=');
  const name = equals === -1 ? part : part.slice(0, equals);
  const value = equals === -1 ? '' : part.slice(equals + 1);
  const template = compileTemplate(name, names);
  return {
    name: template,
    plain: template.literal === null ? null : decodedPart(template.literal),
    value: compileTemplate(value, names),
    bare: equals === -1,
  };
}

export interface Place {
  /** Scheme and host of a place elsewhere; null: here. */
  readonly authority: string | null;
  /** Encoded, begins with `/`; elsewhere it may be empty. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
}

/** Null: too long, or a client would have chosen the host. */
export function placeOf(
  destination: CompiledDestination,
  captured: Captured,
  environment: Readonly<Record<string, string>>,
): Place | null {
  const authority =
    destination.authority === null ? null : expand(destination.authority, captured, 'authority', environment);
  const path = expand(destination.path, captured, 'path', environment);
  if (path === null || (authority === null && destination.authority !== null)) return null;
  const parameters: Parameter[] = [];
  for (const { name, plain: fixed, value, bare } of destination.query) {
    const written = expand(name, captured, 'query', environment);
    if (written === null) return null;
    const plain = fixed ?? decodedPart(written);
    // Next.js decodes its route parameters once more than a query is decoded.
    const text = expand(value, captured, isRouteParameter(plain) ? 'kept' : 'query', environment);
    if (text === null) return null;
    parameters.push({ name: plain, text: bare ? written : `${written}=${text}` });
  }
  return { authority, path: authority === null ? absolutePath(path) : path, parameters };
}
