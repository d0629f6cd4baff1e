import { useMemo } from "preact/hooks";

export interface Series {
  name: string;
  color: string;
  points: readonly (readonly [number, number])[];
  dots?: boolean;
}

const WIDTH = matchMedia("(max-width: 640px)").matches ? 340 : 720;
const [HEIGHT, LEFT, BOTTOM] = [240, 48, 24];

/** Lines over steps, with a text of the last values for those who do not see them. */
export function LineChart({ series, x, y }: { series: readonly Series[]; x: string; y: string }) {
  const { least, most, end } = useMemo(() => bounds(series), [series]);
  const px = (step: number) => LEFT + ((WIDTH - LEFT - 8) * step) / Math.max(1, end);
  const py = (value: number) => 8 + (HEIGHT - BOTTOM - 8) * (1 - (value - least) / (most - least || 1));
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => least + share * (most - least));
  const words = series.flatMap((one) => { const last = one.points.at(-1); return last ? [`${one.name} ${last[1].toPrecision(3)} at step ${last[0]}`] : []; }).join(", ");
  return (
    <figure class="chart">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${y} over ${x}: ${words || "no values yet"}`}>
        {ticks.map((tick) => (
          <g key={tick}>
            <line x1={LEFT} x2={WIDTH - 8} y1={py(tick)} y2={py(tick)} class="grid" />
            <text x={LEFT - 8} y={py(tick) + 4} text-anchor="end">{tick.toPrecision(2)}</text>
          </g>
        ))}
        <text x={LEFT} y={HEIGHT - 4}>0</text>
        <text x={WIDTH - 8} y={HEIGHT - 4} text-anchor="end">{end} {x}</text>
        {series.map((one) => (
          <g key={one.name} stroke={one.color} fill={one.color}>
            <polyline fill="none" stroke-width="2" stroke-linejoin="round" points={one.points.map(([step, value]) => `${px(step)},${py(value)}`).join(" ")} />
            {(one.dots || one.points.length === 1) && one.points.map(([step, value]) => <circle key={step} cx={px(step)} cy={py(value)} r="3.5" />)}
          </g>
        ))}
      </svg>
      <figcaption class="row wide">
        {series.map((one) => <span key={one.name} class="row tight quiet"><i class="swatch" style={{ background: one.color }} />{one.name}</span>)}
      </figcaption>
    </figure>
  );
}

function bounds(series: readonly Series[]): { least: number; most: number; end: number } {
  const points = series.flatMap((one) => one.points);
  if (!points.length) return { least: 0, most: 1, end: 1 };
  const values = points.map(([, value]) => value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = (most - least || Math.abs(most) || 1) * 0.08;
  return { least: Math.max(0, least - room), most: most + room, end: Math.max(...points.map(([step]) => step)) };
}
