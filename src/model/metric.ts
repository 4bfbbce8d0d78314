import { limits } from '../base/limits.ts';

/** A value that user code has measured, by its name, with attributes. Names and keys have been made valid. */
export interface CustomMetric {
  readonly name: string;
  readonly value: number;
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * As the hosted platform takes them: names and keys are under 64 bytes of `A-Za-z0-9-_./`, what else is in them becomes `_`;
 * values of attributes are texts. Null: the name is no text or empty, the value no finite number, or there are more than 50
 * attributes.
 */
export function validMetric(name: unknown, value: unknown, attributes: unknown): CustomMetric | null {
  if (typeof name !== 'string' || name === '' || typeof value !== 'number' || !Number.isFinite(value)) return null;
  const entries = typeof attributes === 'object' && attributes !== null ? Object.entries(attributes) : [];
  if (entries.length > limits.metricAttributes) return null;
  const texts: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [key, text] of entries) {
    if (typeof text !== 'string' && typeof text !== 'number' && typeof text !== 'boolean') continue;
    texts[validName(key)] = String(text).slice(0, limits.metricValueBytes);
  }
  return { name: validName(name), value, attributes: texts };
}

const validName = (name: string): string => name.slice(0, limits.metricNameBytes).replaceAll(/[^\w./-]/g, '_');
