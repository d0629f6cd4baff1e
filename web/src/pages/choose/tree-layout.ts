import type { ChooseNode } from "../../api/types";

export interface Placed {
  node: ChooseNode;
  x: number;
  y: number;
  size: number;
}

export const BIG = 48;
export const SMALL = 20;
const [COLUMN, GAP] = [72, 6];

/** The nodes from the first image to one. */
export function pathTo(nodes: ReadonlyMap<number, ChooseNode>, id: number): ChooseNode[] {
  const found: ChooseNode[] = [];
  for (let node = nodes.get(id); node; node = node.parent === null ? undefined : nodes.get(node.parent)) found.unshift(node);
  return found;
}

/** Lay the tree out from left to right: nodes that lead on, pinned ones and the current are large, the others small. */
export function layOut(nodes: ReadonlyMap<number, ChooseNode>, current: number): { placed: Map<number, Placed>; width: number; height: number } {
  const children = new Map<number, ChooseNode[]>();
  for (const node of nodes.values()) if (node.parent !== null) children.set(node.parent, [...(children.get(node.parent) ?? []), node]);
  const large = (node: ChooseNode) => node.parent === null || node.id === current || node.pinned || children.has(node.id);
  const placed = new Map<number, Placed>();
  let bottom = 0;
  const put = (node: ChooseNode, depth: number): number => {
    const size = large(node) ? BIG : SMALL;
    const below = children.get(node.id) ?? [];
    let y: number;
    if (below.length) {
      const middles = below.map((child) => put(child, depth + 1));
      y = Math.max(size / 2, ((middles[0] ?? 0) + (middles.at(-1) ?? 0)) / 2);
    } else {
      y = bottom + size / 2;
      bottom += size + GAP;
    }
    placed.set(node.id, { node, x: depth * COLUMN, y, size });
    return y;
  };
  const root = [...nodes.values()].find((node) => node.parent === null);
  if (root) put(root, 0);
  const all = [...placed.values()];
  return { placed, width: Math.max(0, ...all.map((one) => one.x)) + BIG, height: Math.max(BIG, ...all.map((one) => one.y + one.size / 2)) };
}
