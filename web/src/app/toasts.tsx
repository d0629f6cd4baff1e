import { signal } from "@preact/signals";
import { Icon } from "../parts/icons";

interface Toast {
  id: number;
  text: string;
  wrong: boolean;
  action: { label: string; run: () => void } | null;
}

const toasts = signal<Toast[]>([]);
let count = 0;

/** Say something at the edge of the window. Errors stay until they are closed. */
export function say(text: string, options: { wrong?: boolean; action?: Toast["action"] } = {}): void {
  const toast = { id: ++count, text, wrong: options.wrong ?? false, action: options.action ?? null };
  toasts.value = [...toasts.value.filter((other) => other.text !== text), toast].slice(-3);
  if (!toast.wrong) setTimeout(() => close(toast.id), toast.action ? 8000 : 4000);
}

export function sayError(error: unknown): void {
  say(error instanceof Error ? error.message : String(error), { wrong: true });
}

function close(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts" role="region" aria-label="Messages">
      <div role="status" aria-live="polite" class="stack">
        {toasts.value.map((toast) => (
          <div key={toast.id} class={`toast ${toast.wrong ? "wrong" : ""}`}>
            <p>{toast.text}</p>
            {toast.action && (
              <button class="button small" onClick={() => { toast.action?.run(); close(toast.id); }}>
                {toast.action.label}
              </button>
            )}
            <button class="button plain small icon" aria-label="Close message" onClick={() => close(toast.id)}>
              <Icon name="close" />
            </button>
          </div>
        ))}
      </div>
    </div>
  );
}
