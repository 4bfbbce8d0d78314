import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useErrorBoundary, useRef } from 'preact/hooks';
import { href, useAddress } from './address.ts';
import type { Address } from './address.ts';
import { call } from './api.ts';
import { followLive, live } from './live.ts';
import { Announcer } from './parts/announcer.tsx';
import { Empty } from './parts/basics.tsx';
import { Brand, Icon } from './parts/icon.tsx';
import type { IconName } from './parts/icon.tsx';
import { Shortcuts } from './parts/shortcuts.tsx';
import { Deployments } from './pages/deployments.tsx';
import { FunctionPage } from './pages/function.tsx';
import { InvocationPage } from './pages/invocation.tsx';
import { Invocations } from './pages/invocations.tsx';
import { Logs } from './pages/logs.tsx';
import { Overview } from './pages/overview.tsx';
import { SettingsPage } from './pages/settings.tsx';
import { SignIn } from './pages/sign-in.tsx';
import { UsagePage } from './pages/usage.tsx';
import { session, signOut } from './session.ts';
import { useStore } from './store.ts';
import { nextTheme, theme } from './theme.ts';

interface Page {
  readonly name: string;
  readonly title: string;
  readonly icon: IconName;
}
const pages: readonly Page[] = [
  { name: '', title: 'Overview', icon: 'overview' },
  { name: 'deployments', title: 'Deployments', icon: 'deployments' },
  { name: 'logs', title: 'Logs', icon: 'logs' },
  { name: 'invocations', title: 'Invocations', icon: 'invocations' },
  { name: 'usage', title: 'Usage', icon: 'usage' },
  { name: 'settings', title: 'Settings', icon: 'settings' },
];
/** Pages that are reached from another one. */
const under: Readonly<Record<string, string>> = { function: '', invocation: 'invocations' };

export function App() {
  const { token, me } = useStore(session);
  useEffect(() => {
    if (token === null || me !== null) return;
    call('me').then(
      (found) => session.set({ ...session.get(), me: found }),
      // A wrong token has led to the sign-in page; what else is wrong, each page says of itself.
      () => undefined,
    );
  }, [token, me]);
  return (
    <>
      {token === null ? <SignIn /> : <Signed key={token} />}
      <Announcer />
    </>
  );
}

function Signed() {
  useEffect(followLive, []);
  const address = useAddress();
  const place = address.parts[0] ?? '';
  const current = under[place] ?? place;
  const main = useRef<HTMLElement>(null);
  const pathKey = address.parts.join('/');
  const first = useRef(true);
  useEffect(() => {
    document.title = `${pages.find(({ name }) => name === current)?.title ?? 'Weir'} · Weir`;
    // Who reads by ear, or goes by keyboard, begins at the top of what is new.
    if (!first.current) main.current?.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
    if (!first.current) scrollTo({ top: 0 });
    first.current = false;
  }, [pathKey]);
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(event) => skipTo(event, main.current)}>
        Skip to the content
      </a>
      <Side current={current} />
      <main ref={main} id="main" tabIndex={-1}>
        <ConnectionNote />
        <Guarded key={pathKey}>{pageOf(address)}</Guarded>
      </main>
      <Shortcuts />
    </div>
  );
}

function skipTo(event: MouseEvent, main: HTMLElement | null): void {
  event.preventDefault();
  main?.focus();
}

function pageOf(address: Address): JSX.Element {
  const [place = '', ...rest] = address.parts;
  switch (place) {
    case '':
      return <Overview address={address} />;
    case 'function':
      return <FunctionPage address={address} label={rest.join('/')} />;
    case 'deployments':
      return <Deployments address={address} project={rest[0] ?? null} />;
    case 'logs':
      return <Logs address={address} />;
    case 'invocations':
      return <Invocations address={address} />;
    case 'invocation':
      return <InvocationPage id={rest[0] ?? ''} />;
    case 'usage':
      return <UsagePage address={address} />;
    case 'settings':
      return <SettingsPage address={address} project={rest[0] ?? null} />;
    default:
      return (
        <Empty title="There is no such page.">
          <a href={href([])}>Go to the overview</a>
        </Empty>
      );
  }
}

/** A mistake in one page leaves the others usable. */
function Guarded({ children }: { readonly children: ComponentChildren }) {
  const [error, reset] = useErrorBoundary();
  if (error === undefined) return <>{children}</>;
  return (
    <Empty title="This page has failed.">
      <p>{error instanceof Error ? error.message : String(error)}</p>
      <button type="button" class="button" onClick={reset}>
        Try again
      </button>
    </Empty>
  );
}

function Side({ current }: { readonly current: string }) {
  const { me } = useStore(session);
  const shown = useStore(theme);
  return (
    <div class="side">
      <a class="brand" href={href([])} aria-label="Weir: overview">
        <Brand />
        <span>Weir</span>
      </a>
      <nav aria-label="Pages">
        {pages.map(({ name, title, icon }) => (
          <a key={name} href={href(name === '' ? [] : [name])} aria-current={name === current ? 'page' : undefined}>
            <Icon name={icon} />
            <span>{title}</span>
          </a>
        ))}
      </nav>
      <div class="side-foot">
        <Connected />
        <p class="note side-who">
          {me === null ? ' ' : `${me.token.name} · ${me.token.role}`}
          <br />
          {me === null ? ' ' : `Weir ${me.version}`}
        </p>
        <div class="side-tools">
          <button
            type="button"
            class="button quiet"
            onClick={nextTheme}
            aria-label={`Colours: ${shown}. Change`}
            title={`Colours: ${shown}`}
          >
            <Icon name="theme" />
          </button>
          <button type="button" class="button quiet" onClick={() => signOut()} aria-label="Sign out" title="Sign out">
            <Icon name="out" />
          </button>
        </div>
      </div>
    </div>
  );
}

const states = { open: 'Live', connecting: 'Connecting…', waiting: 'Interrupted', ended: 'Interrupted' };

function Connected() {
  const { connection } = useStore(live);
  return (
    <p class={`connected ${connection}`}>
      <i aria-hidden="true" />
      {states[connection]}
    </p>
  );
}

/** Said once, on every page: what is seen is not what is. */
function ConnectionNote() {
  const { connection, now } = useStore(live);
  const lost = connection === 'waiting' || (connection === 'connecting' && now !== null);
  return (
    <div role="status" aria-live="polite">
      {lost && <p class="lost">Weir does not answer. What you see is from before; it goes on by itself.</p>}
    </div>
  );
}
