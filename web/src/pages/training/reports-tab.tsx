import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { address } from "../../app/router";
import { ago } from "../../app/words";
import { Empty, Loading } from "../../parts/feedback";

/** Evaluation reports, read inside the studio. */
export function ReportsTab({ id }: { id: string | null }) {
  const reports = useQuery("reports", () => api.get("/api/v1/reports"), (event) => event.kind === "report");
  if (!reports.data) return <Loading error={reports.error} what="the reports" retry={reports.reload} />;
  const shown = reports.data.find((report) => report.id === id) ?? reports.data[0];
  if (!shown) return <Empty icon="training" title="No report yet"><p>Evaluate a finished training, a style or a clip, and its report comes here.</p></Empty>;
  return (
    <div class="split">
      <ul class="list" aria-label="Reports">
        {reports.data.map((report) => (
          <li key={report.id}>
            <a href={address("training", report.id, { tab: "reports" })} aria-current={report.id === shown.id ? "true" : undefined}>
              <span class="grow"><span class="clip" style={{ display: "block" }}>{report.title}</span><small class="faint">{ago(report.created)}</small></span>
            </a>
          </li>
        ))}
      </ul>
      <iframe class="report" title={shown.title} src={shown.url} sandbox="" />
    </div>
  );
}
