import { useState } from "preact/hooks";
import { Segmented } from "./controls";

type Mode = "side" | "slider" | "onion";

/** Two images of one shape: side by side, under a slider, or one shining through the other. */
export function Compare({ a, b, names = ["A", "B"], ratio = 1 }: { a: string; b: string; names?: readonly [string, string]; ratio?: number }) {
  const [mode, setMode] = useState<Mode>("side");
  const [share, setShare] = useState(50);
  return (
    <div class="stack wide compare">
      <div class="row wide">
        <Segmented label="How to compare" value={mode} onChange={setMode} options={[["side", "Side by side"], ["slider", "Slider"], ["onion", "Onion skin"]]} />
        {mode !== "side" && (
          <label class="row tight grow quiet">
            <span>{names[0]}</span>
            <input type="range" min={0} max={100} value={share} aria-label={mode === "slider" ? "Where the second image begins" : "How strongly the second image shows"} onInput={(event) => setShare(Number(event.currentTarget.value))} />
            <span>{names[1]}</span>
          </label>
        )}
      </div>
      {mode === "side" ? (
        <div class="pair">
          {[a, b].map((source, which) => (
            <figure key={which}>
              <img src={source} alt={names[which] ?? ""} style={{ aspectRatio: String(ratio) }} />
              <figcaption class="quiet">{names[which]}</figcaption>
            </figure>
          ))}
        </div>
      ) : (
        <div class="over" style={{ aspectRatio: String(ratio) }}>
          <img src={a} alt={names[0]} />
          <img src={b} alt={names[1]} style={mode === "onion" ? { opacity: share / 100 } : { clipPath: `inset(0 0 0 ${100 - share}%)` }} />
          {mode === "slider" && <i style={{ left: `${100 - share}%` }} aria-hidden="true" />}
        </div>
      )}
    </div>
  );
}
