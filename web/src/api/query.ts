import { useEffect, useRef, useState } from "preact/hooks";
import { following, listen } from "./events";
import type { StudioEvent } from "./types";

export interface Query<T> {
  data: T | null;
  error: Error | null;
  reload: () => void;
  /** Show a value before the server has confirmed it. */
  set: (value: T) => void;
}

/** What was read last under a key, so that a page that is opened again shows its content at once. */
const remembered = new Map<string, unknown>();
const PAUSE = 60;

/** Read a value and keep it current: an event that `concerns` it reads it again. A null key reads nothing. */
export function useQuery<T>(key: string | null, load: () => Promise<T>, concerns: (event: StudioEvent) => boolean = () => false): Query<T> {
  const [state, setState] = useState<{ key: string | null; data: T | null; error: Error | null }>({ key: null, data: null, error: null });
  const latest = useRef({ load, concerns });
  latest.current = { load, concerns };
  const run = useRef(() => {});

  useEffect(() => {
    if (key === null) return;
    let open = true;
    let asked = 0;
    let timer = 0;
    const read = async () => {
      const number = ++asked;
      await following;
      try {
        const data = await latest.current.load();
        remembered.set(key, data);
        if (open && number === asked) setState({ key, data, error: null });
      } catch (error) {
        if (open && number === asked) setState((old) => ({ key, data: old.key === key ? old.data : null, error: error as Error }));
      }
    };
    const soon = () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => void read(), PAUSE);
    };
    run.current = () => void read();
    void read();
    const stop = listen((event) => { if (event.kind === "reset" || latest.current.concerns(event)) soon(); });
    return () => { open = false; clearTimeout(timer); stop(); };
  }, [key]);

  const current = state.key === key ? state : { data: key === null ? null : ((remembered.get(key) as T | undefined) ?? null), error: null };
  return {
    data: current.data,
    error: current.error,
    reload: () => run.current(),
    set: (data) => { if (key !== null) remembered.set(key, data); setState({ key, data, error: null }); },
  };
}
