import { useEffect, useMemo, useRef } from "preact/hooks";
import type { ChooseNode, ChooseState } from "../../api/types";
import { frameUrl, thumbnail } from "../../parts/image";
import { BIG, layOut, pathTo } from "./tree-layout";

/** Everything tried so far; any image can be gone back to. Arrows move in it, Enter jumps. */
export function TreeMap({ state, nodes, onJump }: { state: ChooseState; nodes: ReadonlyMap<number, ChooseNode>; onJump: (node: number) => void }) {
  const { placed, width, height } = useMemo(() => layOut(nodes, state.current), [nodes, state.current]);
  const way = new Set(pathTo(nodes, state.current).map((node) => node.id));
  const box = useRef<HTMLDivElement>(null);
  const here = placed.get(state.current);
  useEffect(() => { box.current?.scrollTo({ left: (here?.x ?? 0) - box.current.clientWidth / 2, top: (here?.y ?? 0) - box.current.clientHeight / 2 }); }, [state.current]);
  const move = (event: KeyboardEvent) => {
    const id = Number((event.target as HTMLElement).dataset["node"]);
    const to = neighbour(placed, id, event.key);
    if (to === null) return;
    event.preventDefault();
    event.stopPropagation();
    box.current?.querySelector<HTMLElement>(`[data-node="${to}"]`)?.focus();
  };
  return (
    <section class="tree" aria-label="Everything tried so far">
      <div ref={box} class="tree-scroll" onKeyDown={move}>
        <div class="tree-plane" style={{ width: `${width}px`, height: `${height}px` }}>
          <svg width={width} height={height} aria-hidden="true">
            {[...placed.values()].map(({ node, x, y, size }) => {
              const parent = node.parent === null ? null : placed.get(node.parent);
              if (!parent) return null;
              const [from, to] = [parent.x + BIG, x + (BIG - size) / 2];
              return <path key={node.id} class={way.has(node.id) ? "way" : ""} d={`M${from} ${parent.y}C${from + 14} ${parent.y} ${to - 14} ${y} ${to} ${y}`} />;
            })}
          </svg>
          {[...placed.values()].map(({ node, x, y, size }) => (
            <button key={node.id} data-node={node.id} tabIndex={node.id === state.current ? 0 : -1} disabled={!node.digest} aria-current={node.id === state.current ? "true" : undefined}
              aria-label={`Jump to image ${node.id}${node.pinned ? ", pinned" : ""}${node.discarded ? ", discarded" : ""}${way.has(node.id) ? ", on the way" : ""}`}
              class={`node ${way.has(node.id) ? "way" : ""} ${node.pinned ? "pinned" : ""} ${node.discarded ? "discarded" : ""} ${node.id === state.current ? "current" : ""}`}
              style={{ left: `${x + (BIG - size) / 2}px`, top: `${y - size / 2}px`, width: `${size}px`, height: `${size}px` }} onClick={() => onJump(node.id)}>
              {node.digest && <img src={thumbnail(frameUrl(node.digest), 64)} alt="" draggable={false} />}
            </button>
          ))}
        </div>
      </div>
    </section>
  );
}

/** The node in a direction: parents and children sideways, the nearest of the same column up and down. */
function neighbour(placed: ReadonlyMap<number, { node: ChooseNode; x: number; y: number }>, id: number, key: string): number | null {
  const here = placed.get(id);
  if (!here) return null;
  if (key === "ArrowLeft") return here.node.parent;
  const all = [...placed.values()];
  const fits = { ArrowRight: all.filter((one) => one.node.parent === id), ArrowUp: all.filter((one) => one.x === here.x && one.y < here.y), ArrowDown: all.filter((one) => one.x === here.x && one.y > here.y) }[key];
  return fits?.sort((a, b) => Math.abs(a.y - here.y) - Math.abs(b.y - here.y))[0]?.node.id ?? null;
}
