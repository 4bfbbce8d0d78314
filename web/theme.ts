import { store } from './store.ts';

/** auto: as the system has it. */
export type Theme = 'auto' | 'light' | 'dark';
const key = 'weir.theme';
const order: readonly Theme[] = ['auto', 'light', 'dark'];

const kept = localStorage.getItem(key);
export const theme = store<Theme>(order.find((name) => name === kept) ?? 'auto');

/** What is drawn on canvases follows it. */
export const shade = store(0);

export function applyTheme(): void {
  document.documentElement.dataset['theme'] = theme.get();
  shade.set(shade.get() + 1);
}

export function nextTheme(): void {
  const next = order[(order.indexOf(theme.get()) + 1) % order.length] ?? 'auto';
  localStorage.setItem(key, next);
  theme.set(next);
  applyTheme();
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', applyTheme);

export type Color =
  | 'water'
  | 'foam'
  | 'sand'
  | 'clay'
  | 'moss'
  | 'dusk'
  | 'ink'
  | 'muted'
  | 'line'
  | 'deep'
  | 'surface';

/** As canvases want it: `light-dark()` is resolved by an element that has it. */
export function colorOf(name: Color): string {
  const probe = document.createElement('i');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}

/** `color` as colorOf gives it, seen through. */
export const faded = (color: string, alpha: number): string => color.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);
