import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { Compare } from "../../parts/compare";
import { Dialog } from "../../parts/dialog";
import { Loading } from "../../parts/feedback";

/** Two pictures side by side, with only the settings in which they differ. */
export function CompareDialog({ first, second, onClose }: { first: string; second: string; onClose: () => void }) {
  const query = useQuery(`compare/${first}/${second}`, () => api.get("/api/v1/library/compare", { query: { first, second } }));
  const data = query.data;
  return (
    <Dialog title="Side by side" large onClose={onClose}>
      {!data ? <Loading error={query.error} what="the two pictures" retry={query.reload} /> : (
        <>
          <Compare a={shown(data.first)} b={shown(data.second)} names={[data.first.title, data.second.title]} ratio={data.first.width / data.first.height} />
          {data.differences.length === 0 ? <p class="quiet">No recorded setting differs.</p> : (
            <table class="plain">
              <thead><tr><th>Setting</th><th>{data.first.title}</th><th>{data.second.title}</th></tr></thead>
              <tbody>{data.differences.map((one) => <tr key={one.key}><td class="mono">{one.key}</td><td>{text(one.first)}</td><td>{text(one.second)}</td></tr>)}</tbody>
            </table>
          )}
        </>
      )}
    </Dialog>
  );
}

function shown(entry: { kind: string; url: string; thumbnail: string }): string {
  return /\.(mp4|webm)$/.test(entry.url) ? entry.thumbnail : entry.url;
}

function text(value: unknown): string {
  return value === null || value === undefined ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value);
}
