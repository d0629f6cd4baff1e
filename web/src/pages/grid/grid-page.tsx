import { place } from "../../app/router";
import { BeginView } from "./begin-view";
import { GridView } from "./grid-view";

/** One prompt with every combination of options, side by side. */
export function GridPage() {
  const { id, query } = place.value;
  const from = query.get("from");
  return id ? <GridView key={id} id={id} /> : <BeginView key={from} from={from} />;
}
