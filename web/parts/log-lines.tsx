import type { LogLine } from '../../src/api/observed.ts';
import { href } from '../address.ts';
import { shortId } from '../format.ts';
import { Time } from './basics.tsx';

/** Lines as they were written: text, never markup. */
export function LogLines({
  lines,
  withFunction = false,
}: {
  readonly lines: readonly LogLine[];
  readonly withFunction?: boolean;
}) {
  return (
    <ul class="log-lines">
      {lines.map((line) => (
        <li key={line.id} class={`log-line ${line.level}`}>
          <Time ms={line.atMs} as="clock" />
          <span class="log-level">{line.level}</span>
          {withFunction && <span class="log-function">{line.function}</span>}
          <span class="log-text">{line.text}</span>
          {line.invocation !== null && withFunction && (
            <a class="log-invocation" href={href(['invocation', line.invocation])} title={line.invocation}>
              {shortId(line.invocation)}
            </a>
          )}
        </li>
      ))}
    </ul>
  );
}
