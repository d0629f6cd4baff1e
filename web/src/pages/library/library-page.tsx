import { useEffect, useState } from "preact/hooks";
import { api } from "../../api/client";
import { listen } from "../../api/events";
import type { LibraryEntry } from "../../api/types";
import { useShortcuts } from "../../app/keys";
import { address, go } from "../../app/router";
import { sayError } from "../../app/toasts";
import { count } from "../../app/words";
import { Segmented, Select } from "../../parts/controls";
import { Empty, Loading } from "../../parts/feedback";
import { Icon } from "../../parts/icons";
import { VirtualGrid } from "../../parts/virtual-grid";
import { CompareDialog } from "./compare-dialog";
import { EntryCard } from "./entry-card";
import { ImageDialog } from "./image-dialog";

const PAGE = 120;
type Kind = "all" | "clip" | "image";
type Order = "newest" | "oldest" | "title" | "largest";

/** Every clip and image, found by the words of its prompts. */
export function LibraryPage() {
  const [words, setWords] = useState("");
  const [kind, setKind] = useState<Kind>("all");
  const [starred, setStarred] = useState(false);
  const [order, setOrder] = useState<Order>("newest");
  const [picked, setPicked] = useState<readonly string[]>([]);
  const [comparing, setComparing] = useState(false);
  const [open, setOpen] = useState<LibraryEntry | null>(null);
  const { entries, total, error, more, reload, replace } = useGallery(words, kind, starred, order);
  const star = async (entry: LibraryEntry) => {
    replace({ ...entry, starred: !entry.starred });
    try {
      const path = { entry: entry.id };
      await (entry.starred ? api.delete("/api/v1/library/{entry}/star", { path }) : api.put("/api/v1/library/{entry}/star", { path }));
    } catch (problem) {
      replace(entry);
      sayError(problem);
    }
  };
  const pick = (entry: LibraryEntry) => setPicked(picked.includes(entry.id) ? picked.filter((id) => id !== entry.id) : [...picked, entry.id].slice(-2));
  useShortcuts("Library", [
    { keys: ["/"], does: "Search", run: () => document.getElementById("search")?.focus() },
    { keys: ["ArrowRight"], does: "Arrows go from picture to picture", run: () => document.querySelector<HTMLElement>(".entry .open")?.focus() },
    { keys: ["s"], does: "Star the picture in focus", run: () => focused(entries, (entry) => void star(entry)) },
    { keys: ["x"], does: "Pick it to compare", run: () => focused(entries, pick) },
    { keys: ["c"], does: "Compare the two picked", run: () => { if (picked.length === 2) setComparing(true); } },
  ]);
  const searching = words.trim() !== "" || kind !== "all" || starred;
  return (
    <>
      <header class="top">
        <h1>Library</h1>
        {total !== null && <span class="faint num" role="status">{count(total, "picture")}</span>}
        <button class="button push" disabled={picked.length !== 2} onClick={() => setComparing(true)}><Icon name="compare" size={16} />Compare{picked.length ? ` (${picked.length} of 2)` : ""}</button>
      </header>
      <div class="filters">
        <span class="search"><Icon name="search" size={16} /><input id="search" class="input" type="search" aria-label="Search in prompts" placeholder="Search in prompts" value={words} onInput={(event) => setWords(event.currentTarget.value)} /></span>
        <Segmented label="Kind" value={kind} onChange={setKind} options={[["all", "All"], ["clip", "Clips"], ["image", "Images"]]} />
        <button class="button" aria-pressed={starred} onClick={() => setStarred(!starred)}><Icon name="star" size={16} filled={starred} />Starred</button>
        <span class="push"><Select label="Order" value={order} onChange={setOrder} options={[["newest", "Newest first"], ["oldest", "Oldest first"], ["title", "By title"], ["largest", "Largest first"]]} /></span>
      </div>
      <div class="page">
        {entries === null ? <Loading error={error} what="the library" retry={reload} />
          : entries.length === 0 ? (searching
            ? <Empty icon="search" title="Nothing found"><p>No prompt has these words. Fewer words find more.</p></Empty>
            : <Empty icon="library" title="The library is empty"><p>Every clip and image you make comes here by itself, with its recipe.</p><a class="button main" href={address("storyboard")}>Begin with an idea</a></Empty>)
          : <VirtualGrid items={entries} minWidth={152} cellHeight={(width) => width + 56} label="Clips and images" itemKey={(entry) => entry.id} onEnd={more}
              render={(entry, _, inTabOrder) => (
                <EntryCard entry={entry} picked={picked.includes(entry.id)} inTabOrder={inTabOrder} onOpen={() => (entry.kind === "clip" ? go("timeline", entry.id) : setOpen(entry))} onStar={() => void star(entry)} onPick={() => pick(entry)} />
              )} />}
      </div>
      {comparing && picked[0] && picked[1] && <CompareDialog first={picked[0]} second={picked[1]} onClose={() => setComparing(false)} />}
      {open && <ImageDialog entry={open} onClose={() => setOpen(null)} />}
    </>
  );
}

function focused(entries: readonly LibraryEntry[] | null, act: (entry: LibraryEntry) => void): void {
  const id = document.activeElement?.closest<HTMLElement>("[data-entry]")?.dataset["entry"];
  const entry = entries?.find((one) => one.id === id);
  if (entry) act(entry);
}

/** The gallery in pages; a change on the server reads again what is shown. */
function useGallery(words: string, kind: Kind, starred: boolean, order: Order) {
  const [entries, setEntries] = useState<LibraryEntry[] | null>(null);
  const [total, setTotal] = useState<number | null>(null);
  const [next, setNext] = useState<number | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [turn, setTurn] = useState(0);
  const read = (offset: number, limit: number) =>
    api.get("/api/v1/library", { query: { query: words.trim(), offset, limit, order, ...(kind === "all" ? {} : { kind }), ...(starred ? { starred: true } : {}) } });
  useEffect(() => {
    let open = true;
    const timer = setTimeout(() => {
      read(0, Math.max(PAGE, Math.min(500, entries?.length ?? 0)))
        .then((page) => { if (open) { setEntries(page.entries); setTotal(page.total); setNext(page.next ?? null); setError(null); } })
        .catch((problem: Error) => { if (open) setError(problem); });
    }, words ? 150 : 0);
    return () => { open = false; clearTimeout(timer); };
  }, [words, kind, starred, order, turn]);
  useEffect(() => listen((event) => { if (["clip", "star", "reset"].includes(event.kind)) setTurn((old) => old + 1); }), []);
  const more = () => {
    if (next === null) return;
    setNext(null);
    read(next, PAGE).then((page) => { setEntries([...(entries ?? []), ...page.entries]); setNext(page.next ?? null); }).catch(sayError);
  };
  const replace = (changed: LibraryEntry) => setEntries((old) => old?.map((entry) => (entry.id === changed.id ? changed : entry)) ?? null);
  return { entries, total, error, more, reload: () => setTurn(turn + 1), replace };
}
