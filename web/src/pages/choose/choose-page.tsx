import { place } from "../../app/router";
import { BeginView } from "./begin-view";
import { SessionView } from "./session-view";

export function ChoosePage() {
  const { id, query } = place.value;
  return id ? <SessionView key={id} id={id} /> : <BeginView image={query.get("image")} />;
}
