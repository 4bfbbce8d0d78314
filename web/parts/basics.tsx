import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Failure } from '../api.ts';
import { every, wallMs } from '../clock.ts';
import { ago, dateAndTime, timeOfDay, utc } from '../format.ts';
import { Icon } from './icon.tsx';
import type { IconName } from './icon.tsx';

interface CardProps {
  readonly title?: string;
  readonly note?: ComponentChildren;
  readonly aside?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}

export function Card({ title, note, aside, children, ...rest }: CardProps) {
  return (
    <section class={`card ${rest.class ?? ''}`} aria-label={title}>
      {title !== undefined && (
        <header class="card-head">
          <h2>{title}</h2>
          {note !== undefined && <p class="note">{note}</p>}
          {aside !== undefined && <div class="aside">{aside}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

export function PageHead({
  title,
  note,
  children,
}: Pick<CardProps, 'note'> & { readonly title: ComponentChildren; readonly children?: ComponentChildren }) {
  return (
    <header class="page-head">
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        {note !== undefined && <p class="note">{note}</p>}
      </div>
      {children !== undefined && <div class="page-tools">{children}</div>}
    </header>
  );
}

/** What to do when there is nothing yet. */
export function Empty({
  title,
  children,
  icon = 'drop',
}: {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly icon?: IconName;
}) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <p class="empty-title">{title}</p>
      <div class="empty-next">{children}</div>
    </div>
  );
}

export function Command({ children }: { readonly children: string }) {
  return <code class="command">{children}</code>;
}

export function FailureNote({ failure, again }: { readonly failure: Failure; readonly again?: () => void }) {
  return (
    <div class="failure" role="alert">
      <p>
        <strong>{failure.message}</strong> {failure.next}
      </p>
      {failure.issues.map(({ path, message }) => (
        <p key={path}>
          {path}: {message}
        </p>
      ))}
      {again !== undefined && (
        <button type="button" class="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Keeps the place of what is to come. */
export function Waiting({ rows = 3 }: { readonly rows?: number }) {
  return (
    <div class="waiting" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} />
      ))}
    </div>
  );
}

/** Local time; UTC on hover. */
export function Time({ ms, as = 'ago' }: { readonly ms: number; readonly as?: 'ago' | 'clock' | 'full' }) {
  const [nowMs, setNowMs] = useState(wallMs);
  useEffect(() => (as === 'ago' ? every(15_000, () => setNowMs(wallMs())) : undefined), [as]);
  const text = as === 'ago' ? ago(ms, nowMs) : as === 'clock' ? timeOfDay(ms) : dateAndTime(ms);
  return (
    <time dateTime={new Date(ms).toISOString()} title={`${dateAndTime(ms)}, ${timeOfDay(ms)}\n${utc(ms)}`}>
      {text}
    </time>
  );
}

interface Choice<T extends string> {
  readonly value: T;
  readonly label: string;
}
interface ChoicesProps<T extends string> {
  readonly label: string;
  readonly choices: readonly Choice<T>[];
  readonly value: T;
  readonly onChoose: (value: T) => void;
}

/** One of a few, all seen. */
export function Choices<T extends string>({ label, choices, value, onChoose }: ChoicesProps<T>) {
  return (
    <div class="choices" role="group" aria-label={label}>
      {choices.map((choice) => (
        <button
          key={choice.value}
          type="button"
          aria-pressed={choice.value === value}
          onClick={() => onChoose(choice.value)}
        >
          {choice.label}
        </button>
      ))}
    </div>
  );
}

/** One of many. */
export function Select<T extends string>({ label, choices, value, onChoose }: ChoicesProps<T>) {
  return (
    <label class="field-inline">
      <span class="unseen">{label}</span>
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value as T)}>
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    </label>
  );
}

export type Tone = 'good' | 'bad' | 'warn' | 'calm' | 'plain';
export function Badge({ tone = 'plain', children }: { readonly tone?: Tone; readonly children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

export function Facts({ items }: { readonly items: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A figure with its name, and what to compare it with. */
export function Figure({
  label,
  value,
  note,
  tone,
}: {
  readonly label: string;
  readonly value: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly tone?: Tone;
}) {
  return (
    <div class={`figure ${tone ?? ''}`}>
      <span class="figure-label">{label}</span>
      <span class="figure-value">{value}</span>
      <span class="figure-note">{note}</span>
    </div>
  );
}
