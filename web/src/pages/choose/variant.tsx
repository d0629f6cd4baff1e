import type { ChooseNode } from "../../api/types";
import { IconButton } from "../../parts/controls";
import { Icon } from "../../parts/icons";
import { frameUrl, Picture } from "../../parts/image";

/** An image that may come next. */
export function Variant({ node, nth, likelihood, picked, onTake, onPin, onDiscard, onPick }: {
  node: ChooseNode; nth: number; likelihood: number | null; picked: boolean; onTake: () => void; onPin: () => void; onDiscard: () => void; onPick: () => void;
}) {
  const name = `image ${nth + 1}`;
  return (
    <li class={`variant ${picked ? "picked" : ""} ${node.pinned ? "pinned" : ""}`} data-node={node.id}>
      <button class="take-it" aria-label={`Take ${name}, seed ${node.seed ?? 0}${node.digest ? "" : ", being generated"}`} disabled={!node.digest} onClick={onTake}>
        <Picture source={node.digest ? frameUrl(node.digest) : null} alt="" waiting={<Icon name="clock" />} />
        <kbd aria-hidden="true">{nth + 1}</kbd>
      </button>
      {likelihood !== null && node.digest && <i class="likely" style={{ transform: `scaleX(${likelihood})` }} title={`Taken with a chance of ${Math.round(likelihood * 100)}%, as far as earlier choices tell`} />}
      <span class="variant-tools">
        <IconButton small icon="compare" className="" label={`Pick ${name} to compare`} pressed={picked} onClick={onPick} />
        <IconButton small icon="pin" className="" label={`Pin ${name}`} pressed={node.pinned} onClick={onPin} />
        <IconButton small icon="close" className="" label={`Discard ${name}`} onClick={onDiscard} />
      </span>
    </li>
  );
}
