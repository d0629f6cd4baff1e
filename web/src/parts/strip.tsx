import { useEffect, useRef } from "preact/hooks";
import { thumbnail } from "./image";

export interface StripFrame {
  source: string;
  /** Whether it repeats the frame before. */
  held: boolean;
  mark: "bad" | "suspect" | null;
  between: boolean;
}

/** Frames in time, as on an exposure sheet: a held frame is narrow. Arrows, Home and End move, Shift selects a range. */
export function Strip({ frames, current, range, height = 64, ratio = 1, onPick, label }: {
  frames: readonly StripFrame[]; current: number; range: readonly [number, number] | null; height?: number; ratio?: number;
  onPick: (index: number, extend: boolean) => void; label: string;
}) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const row = list.current;
    const cell = row?.children[current];
    if (!row || !(cell instanceof HTMLElement)) return;
    const [left, right] = [cell.offsetLeft, cell.offsetLeft + cell.offsetWidth];
    if (left < row.scrollLeft || right > row.scrollLeft + row.clientWidth) row.scrollLeft = left - 24;
  }, [current]);
  const within = (index: number) => range !== null && index >= range[0] && index <= range[1];
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    onPick(Math.max(0, Math.min(frames.length - 1, current + step)), event.shiftKey);
  };
  return (
    <div ref={list} class="strip" role="listbox" tabIndex={0} aria-label={label} aria-multiselectable="true" aria-activedescendant={`frame-${current}`} onKeyDown={move}>
      {frames.map((frame, index) => (
        <div
          key={index} id={`frame-${index}`} role="option" aria-selected={within(index) || index === current}
          aria-label={`Frame ${index + 1}${frame.mark === "bad" ? ", marked bad" : frame.mark ? ", suspect" : ""}`}
          class={`cell ${index === current ? "current" : ""} ${within(index) ? "within" : ""} ${frame.mark ?? ""} ${frame.between ? "between" : ""} ${frame.held ? "held" : ""}`}
          style={{ width: `${frame.held ? 20 : height * ratio}px`, height: `${height}px` }}
          onPointerDown={(event) => onPick(index, event.shiftKey)}
        >
          {!frame.held && <img src={thumbnail(frame.source, 128)} alt="" loading="lazy" decoding="async" draggable={false} />}
          <i class="num">{index + 1}</i>
        </div>
      ))}
    </div>
  );
}
