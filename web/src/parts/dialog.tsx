import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Icon } from "./icons";

interface Props {
  title: string;
  onClose: () => void;
  large?: boolean;
  footer?: ComponentChildren;
  children: ComponentChildren;
}

/** What a dialog begins with: its first field, else its main button. */
const FIRST = ".body input:checked, .body .input, footer .main";

/** A modal dialog: focus is kept inside, Escape and a press outside close it, focus returns to where it was. */
export function Dialog({ title, onClose, large = false, footer, children }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const opener = document.activeElement;
    element.current?.showModal();
    if (matchMedia("(pointer: fine)").matches) element.current?.querySelector<HTMLElement>(FIRST)?.focus();
    return () => {
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={large ? "large" : ""}
      aria-labelledby={heading}
      onCancel={(event) => { event.preventDefault(); onClose(); }}
      onMouseDown={(event) => { if (event.target === element.current) onClose(); }}
    >
      <header>
        <h2 id={heading}>{title}</h2>
        <button class="button plain icon" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div class="body">{children}</div>
      {footer && <footer>{footer}</footer>}
    </dialog>
  );
}
