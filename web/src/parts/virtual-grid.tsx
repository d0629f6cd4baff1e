import { Component, type ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

interface Props<T> {
  items: readonly T[];
  /** Narrowest width of a cell and the height it then has, in px. */
  minWidth: number;
  cellHeight: (width: number) => number;
  gap?: number;
  label: string;
  itemKey: (item: T) => string;
  /** `focused` is whether this cell takes part in the tab order. */
  render: (item: T, index: number, focused: boolean) => ComponentChildren;
  /** Asked for when the last rows come into view. */
  onEnd?: () => void;
}

interface Layout {
  columns: number;
  width: number;
  from: number;
  to: number;
  rowHeight: number;
}

interface CellProps<T> {
  item: T;
  index: number;
  total: number;
  focused: boolean;
  x: number;
  y: number;
  width: number;
  height: number;
  onFocus: (index: number) => void;
  render: Props<T>["render"];
}

/** One cell; scrolling renders only those that come into view. */
class Cell<T> extends Component<CellProps<T>> {
  override shouldComponentUpdate(next: CellProps<T>): boolean {
    return (Object.keys(next) as (keyof CellProps<T>)[]).some((key) => next[key] !== this.props[key]);
  }

  render({ item, index, total, focused, x, y, width, height, onFocus, render }: CellProps<T>) {
    return (
      <div role="listitem" aria-setsize={total} aria-posinset={index + 1} data-cell={index} class="virtual-cell" onFocusCapture={() => onFocus(index)}
        style={{ width: `${width}px`, height: `${height}px`, transform: `translate(${x}px, ${y}px)` }}>
        {render(item, index, focused)}
      </div>
    );
  }
}

/** A grid of any length that keeps only the rows in view in the document; arrows move from cell to cell. */
export function VirtualGrid<T>({ items, minWidth, cellHeight, gap = 16, label, itemKey, render, onEnd }: Props<T>) {
  const box = useRef<HTMLDivElement>(null);
  const [layout, setLayout] = useState<Layout>({ columns: 1, width: minWidth, from: 0, to: 0, rowHeight: cellHeight(minWidth) });
  const [focus, setFocus] = useState(0);

  useLayoutEffect(() => {
    const element = box.current;
    const scroller = element?.closest(".page");
    if (!element || !(scroller instanceof HTMLElement)) return;
    const measure = () => {
      const columns = Math.max(1, Math.floor((element.clientWidth + gap) / (minWidth + gap)));
      const width = (element.clientWidth - gap * (columns - 1)) / columns;
      const rowHeight = Math.round(cellHeight(width) + gap);
      const top = scroller.getBoundingClientRect().top - element.getBoundingClientRect().top;
      const from = Math.max(0, Math.floor(top / rowHeight) - 2);
      const to = Math.ceil((top + scroller.clientHeight) / rowHeight) + 2;
      setLayout((old) => (old.columns === columns && old.width === width && old.from === from && old.to === to ? old : { columns, width, from, to, rowHeight }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    observer.observe(scroller);
    scroller.addEventListener("scroll", measure, { passive: true });
    return () => {
      observer.disconnect();
      scroller.removeEventListener("scroll", measure);
    };
  }, [items.length, minWidth]);

  const rows = Math.ceil(items.length / layout.columns);
  useEffect(() => { if (layout.to >= rows) onEnd?.(); }, [layout.to >= rows, items.length]);

  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: layout.columns, ArrowUp: -layout.columns }[event.key];
    if (step === undefined || (event.target as HTMLElement).matches("input, select, textarea")) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(items.length - 1, focus + step));
    setFocus(next);
    requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[data-cell="${next}"] [tabindex="0"], [data-cell="${next}"] button`)?.focus());
  };
  const shown = items.slice(layout.from * layout.columns, layout.to * layout.columns);
  return (
    <div ref={box} class="virtual" role="list" aria-label={label} style={{ height: `${Math.max(0, rows * layout.rowHeight - gap)}px` }} onKeyDown={move}>
      {shown.map((item, offset) => {
        const index = layout.from * layout.columns + offset;
        const [x, y] = [(index % layout.columns) * (layout.width + gap), Math.floor(index / layout.columns) * layout.rowHeight];
        return <Cell key={itemKey(item)} {...{ item, index, x, y, render }} total={items.length} focused={index === focus} width={layout.width} height={layout.rowHeight - gap} onFocus={setFocus} />;
      })}
    </div>
  );
}
