import { place } from "../../app/router";
import { ClipView } from "./clip-view";
import { ClipsView } from "./clips-view";

export function TimelinePage() {
  const { id, query } = place.value;
  return id ? <ClipView key={id} id={id} frame={Number(query.get("frame") ?? 1) - 1} /> : <ClipsView />;
}
