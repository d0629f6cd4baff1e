import { computed, signal } from "@preact/signals";

export const PAGES = ["storyboard", "choose", "grid", "timeline", "library", "training", "queue"] as const;
export type Page = (typeof PAGES)[number];

/** A place in the studio, as it stands after `#` in the address: `#/timeline/<clip>?frame=17`. */
export interface Place {
  page: Page;
  id: string | null;
  query: URLSearchParams;
}

function parse(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [page, id] = path.split("/").map(decodeURIComponent);
  return { page: PAGES.find((known) => known === page) ?? "storyboard", id: id || null, query: new URLSearchParams(query) };
}

export const place = signal(parse(location.hash));
export const page = computed(() => place.value.page);

addEventListener("hashchange", () => {
  place.value = parse(location.hash);
});

export function address(page: Page, id?: string | null, query?: Record<string, string>): string {
  const tail = query && Object.keys(query).length ? `?${new URLSearchParams(query)}` : "";
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}${tail}`;
}

export function go(page: Page, id?: string | null, query?: Record<string, string>): void {
  location.hash = address(page, id, query);
}

/** Replace the address without a new entry in the history. */
export function settle(page: Page, id: string | null): void {
  history.replaceState(null, "", address(page, id));
  place.value = parse(location.hash);
}
