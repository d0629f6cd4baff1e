import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icons";

export function Empty({ title, icon, children }: { title: string; icon: IconName; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <span class="faint"><Icon name={icon} size={32} /></span>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Note({ tone, children }: { tone?: "wrong" | "warn"; children: ComponentChildren }) {
  return (
    <div class={`note ${tone ?? ""}`} role={tone === "wrong" ? "alert" : undefined}>
      {tone && <Icon name="bad" size={16} />}
      <div class="grow">{children}</div>
    </div>
  );
}

/** Progress from 0 to 1, with words for what is left. */
export function Progress({ value, label }: { value: number; label: string }) {
  const share = Math.max(0, Math.min(1, value));
  return (
    <div class="bar" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(share * 100)}>
      <i style={{ transform: `scaleX(${share})` }} />
    </div>
  );
}

/** Fetching, failed, empty or there: one of four, said in words. */
export function Loading({ error, what, retry }: { error: Error | null; what: string; retry: () => void }) {
  if (!error) return <p class="faint" role="status">Loading {what} …</p>;
  return (
    <div class="empty" role="alert">
      <h2>Could not load {what}</h2>
      <p>{error.message}</p>
      <button class="button" onClick={retry}>Try again</button>
    </div>
  );
}
