import { effect, signal } from "@preact/signals";

export const THEMES = ["system", "dark", "light"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "sakuga.theme";
const light = matchMedia("(prefers-color-scheme: light)");
const lightSystem = signal(light.matches);
light.addEventListener("change", () => (lightSystem.value = light.matches));

const stored = THEMES.find((known) => known === localStorage.getItem(KEY));
export const theme = signal<Theme>(stored ?? "system");

effect(() => {
  const shown = theme.value === "system" ? (lightSystem.value ? "light" : "dark") : theme.value;
  document.documentElement.dataset["theme"] = shown;
  localStorage.setItem(KEY, theme.value);
});

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
}
