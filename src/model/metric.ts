import { limits } from '../base/limits.ts';

/** A value that user code has measured, by its name, with attributes. Names and keys have been made valid. */
export interface CustomMetric {
  readonly name: string;
  readonly value: number;
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * As the hosted platform takes them: names and keys are under 64 bytes of `A-Za-z0-9-_./`, what else is in them becomes `_`;
 * values of attributes are texts, cut at limits.metricValueBytes of UTF-8. Null: the name is no text or empty, the value no finite number, or there are more than 50
 * attributes.
 */
export function validMetric(name: unknown, value: unknown, attributes: unknown): CustomMetric | null {
  if (typeof name !== 'string' || name === '' || typeof value !== 'number' || !Number.isFinite(value)) return null;
  const entries = typeof attributes === 'object' && attributes !== null ? Object.entries(attributes) : [];
  if (entries.length > limits.metricAttributes) return null;
  const texts: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [key, text] of entries) {
    if (typeof text !== 'string' && typeof text !== 'number' && typeof text !== 'boolean') continue;
    texts[validName(key)] = cutToBytes(String(text));
  }
  return { name: validName(name), value, attributes: texts };
}

const validName = (name: string): string => name.slice(0, limits.metricNameBytes).replaceAll(/[^\w./-]/g, '_');

/** No character is cut in two; half of a surrogate pair becomes U+FFFD, as it does in UTF-8 anyway. */
function cutToBytes(text: string): string {
  // A unit takes at least one byte, so what is beyond would not be kept: texts may be megabytes.
  const bytes = Buffer.from(text.slice(0, limits.metricValueBytes + 1));
  let end = Math.min(bytes.length, limits.metricValueBytes);
  while (end < bytes.length && end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
