import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { asFailure, useDoing } from '../asking.ts';
import { endpoints } from '../endpoints.ts';
import type { Endpoint } from '../endpoints.ts';
import { session, whyNot } from '../session.ts';
import { useStore } from '../store.ts';
import { say } from './announcer.tsx';
import { FailureNote } from './basics.tsx';

interface ActionProps {
  /** What it calls: whose role it needs. */
  readonly route: Endpoint;
  readonly label: string;
  readonly description?: string;
  readonly kind?: 'primary' | 'danger' | 'plain';
  readonly busy?: boolean;
  readonly submits?: boolean;
  readonly onClick?: () => void;
  readonly children?: ComponentChildren;
}

/** A button that stays where it is for who may not use it, and says why. It can be reached by keyboard, so that it can say so. */
export function Action({ route, label, description, kind = 'plain', busy, submits, onClick, children }: ActionProps) {
  useStore(session);
  const reasonId = useId();
  const reason = whyNot(endpoints[route][2]);
  const off = reason !== '' || busy === true;
  return (
    <span class="action">
      <button
        type={submits === true ? 'submit' : 'button'}
        class={`button ${kind}`}
        aria-disabled={off}
        aria-label={description}
        aria-describedby={reason === '' ? undefined : reasonId}
        aria-busy={busy}
        title={reason === '' ? undefined : reason}
        onClick={(event) => {
          if (off) event.preventDefault();
          else onClick?.();
        }}
      >
        {children ?? label}
      </button>
      {reason !== '' && (
        <span id={reasonId} class="unseen">
          {reason}
        </span>
      )}
    </span>
  );
}

interface ConfirmProps {
  readonly route: Endpoint;
  /** Of the button that opens it. */
  readonly label: string;
  readonly description?: string;
  readonly kind?: ActionProps['kind'];
  readonly title: string;
  readonly children: ComponentChildren;
  /** What the button in it says. */
  readonly confirm: string;
  readonly run: () => Promise<unknown>;
  /** What is said when it is done. */
  readonly done: string;
}

/** A button, and the question that it asks first. */
export function Confirm(props: ConfirmProps) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Action {...pick(props)} onClick={() => setOpen(true)} />
      {open && <Question {...props} close={() => setOpen(false)} />}
    </>
  );
}

const pick = ({ route, label, description, kind }: ConfirmProps) => ({
  route,
  label,
  ...(description !== undefined && { description }),
  ...(kind !== undefined && { kind }),
});

function Question({ title, children, confirm, kind, run, done, close }: ConfirmProps & { readonly close: () => void }) {
  const doing = useDoing();
  const go = () =>
    doing.run(async () => {
      await run();
      say(done);
      close();
    });
  return (
    <Dialog title={title} close={close}>
      <div class="dialog-text">{children}</div>
      {doing.failure !== null && <FailureNote failure={asFailure(doing.failure)} />}
      <footer class="dialog-foot">
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
        <button
          type="button"
          class={`button ${kind === 'danger' ? 'danger' : 'primary'}`}
          aria-disabled={doing.busy}
          onClick={() => doing.busy || go()}
        >
          {doing.busy ? 'Working…' : confirm}
        </button>
      </footer>
    </Dialog>
  );
}

/** The browser's own: it holds the focus, Escape closes it, and the focus goes back to where it was. */
export function Dialog({
  title,
  close,
  children,
}: {
  readonly title: string;
  readonly close: () => void;
  readonly children: ComponentChildren;
}) {
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // Before anything else happens: who opened it still has the focus.
  useLayoutEffect(() => {
    const before = document.activeElement;
    const dialog = element.current;
    dialog?.showModal();
    return () => {
      dialog?.close();
      const back = (): void => {
        if (before instanceof HTMLElement && before.isConnected) before.focus();
      };
      back();
      // Removing the dialog may take it away again.
      requestAnimationFrame(() => {
        if (document.activeElement === document.body) back();
      });
    };
  }, []);
  return (
    <dialog
      ref={element}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onKeyDown={(event) => keepInside(event, element.current)}
      onClick={(event) => event.target === element.current && close()}
    >
      <div class="dialog-box">
        <h2 id={titleId}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

/** Browsers let Tab leave a dialog for their own bars; here it goes round. */
function keepInside(event: KeyboardEvent, dialog: HTMLElement | null): void {
  if (event.key !== 'Tab' || dialog === null) return;
  const inside = [...dialog.querySelectorAll<HTMLElement>('button, [href], input, select, textarea')];
  const [first, last] = [inside[0], inside.at(-1)];
  const leaves = event.shiftKey ? document.activeElement === first : document.activeElement === last;
  if (!leaves) return;
  event.preventDefault();
  (event.shiftKey ? last : first)?.focus();
}
