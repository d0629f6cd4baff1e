/** Line icons on a 20 px grid, drawn for this studio. */
const PATHS = {
  storyboard: "M3 4h6v5H3zM11 4h6v5h-6zM3 12h6v4H3zM11 12h6v4h-6z",
  choose: "M10 3v4M10 7c0 3-6 2-6 6M10 7c0 3 6 2 6 6M10 7v6M2.500 13h3v3.500h-3zM8.500 13h3v3.500h-3zM14.500 13h3v3.500h-3z",
  timeline: "M3 5h14v10H3zM3 8h14M3 12h14M7 5v3M13 5v3M7 12v3M13 12v3",
  library: "M3 3.500h14v13H3zM3 13l4-4 3 3 3-4 4 4M7 7.200h.01",
  training: "M3 17V3M3 17h14M5.500 6c1 5 3 7 5 7.500s4 .5 6 .5",
  queue: "M3 5h14M3 10h14M3 15h9",
  grid: "M3 3h3.500v3.500H3zM8.250 3h3.500v3.500h-3.500zM13.500 3H17v3.500h-3.500zM3 8.250h3.500v3.500H3zM8.250 8.250h3.500v3.500h-3.500zM13.500 8.250H17v3.500h-3.500zM3 13.500h3.500V17H3zM8.250 13.500h3.500V17h-3.500zM13.500 13.500H17V17h-3.500z",
  play: "M6 4l10 6-10 6z",
  pause: "M6.500 4v12M13.500 4v12",
  stop: "M5 5h10v10H5z",
  first: "M5 4v12M15 4l-8 6 8 6z",
  back: "M13 4l-7 6 7 6",
  forward: "M7 4l7 6-7 6",
  loop: "M4 10a6 6 0 0 1 10-4.500L16 7M16 3.500V7h-3.500M16 10a6 6 0 0 1-10 4.500L4 13M4 16.500V13h3.500",
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  close: "M5 5l10 10M15 5L5 15",
  check: "M4 10.500l4 4 8-9",
  star: "M10 3l2.200 4.600 5 .7-3.600 3.500.9 5L10 14.400 5.500 16.800l.9-5L2.800 8.300l5-.7z",
  bad: "M10 3.500L17.500 16.500H2.500zM10 8.500v3.500M10 14.300h.01",
  redo: "M15.500 10a5.500 5.500 0 1 1-1.800-4.100L16 8M16 4v4h-4",
  undo: "M4.500 10a5.500 5.500 0 1 0 1.800-4.100L4 8M4 4v4h4",
  dice: "M4 4h12v12H4zM7.500 7.500h.01M12.500 12.500h.01M10 10h.01M12.500 7.500h.01M7.500 12.500h.01",
  lock: "M5 9h10v7.500H5zM7 9V6.500a3 3 0 0 1 6 0V9",
  unlock: "M5 9h10v7.500H5zM7 9V6.500a3 3 0 0 1 5.800-1",
  copy: "M7 7h9v9H7zM13 7V4H4v9h3",
  trash: "M4 6h12M8 6V4h4v2M6 6l.7 10.500h6.600L14 6",
  drag: "M7.500 5h.01M12.500 5h.01M7.500 10h.01M12.500 10h.01M7.500 15h.01M12.500 15h.01",
  up: "M10 16V4M5 9l5-5 5 5",
  down: "M10 4v12M5 11l5 5 5-5",
  search: "M9 4a5 5 0 1 1 0 10A5 5 0 0 1 9 4zM12.700 12.700L17 17",
  download: "M10 3v9M6 8.500l4 4 4-4M3.500 16.500h13",
  upload: "M10 13V4M6 7.500l4-4 4 4M3.500 16.500h13",
  compare: "M10 3v14M3.500 5H10v10H3.500zM10 5h6.500v10H10",
  pin: "M7.500 3h5l-.5 5 2.500 3h-9L8 8zM10 11v6",
  keyboard: "M2.500 6h15v8.500h-15zM5.500 9h.01M8.500 9h.01M11.500 9h.01M14.500 9h.01M6.500 12h7",
  sun: "M10 6.500a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7zM10 2v1.500M10 16.500V18M2 10h1.500M16.500 10H18M4.500 4.500l1 1M14.500 14.500l1 1M15.500 4.500l-1 1M5.500 14.500l-1 1",
  moon: "M16 12a6.500 6.500 0 0 1-8-8 6.500 6.500 0 1 0 8 8z",
  auto: "M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM10 3v14M10 6h5M10 9h6.800M10 12h6.500M10 15h4",
  more: "M4.500 10h.01M10 10h.01M15.500 10h.01",
  spark: "M10 3l1.700 5.300L17 10l-5.300 1.700L10 17l-1.700-5.300L3 10l5.300-1.700z",
  film: "M3 4h14v12H3zM6.500 4v12M13.500 4v12M3 8h3.500M3 12h3.500M13.500 8H17M13.500 12H17",
  clock: "M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM10 6v4.500l3 1.500",
  branch: "M6 3.500v13M6 11c0-3 8-2 8-6M14 3.500h.01M6 3.500h.01M6 16.500h.01",
  camera: "M3 6.500h3L7.500 4.500h5L14 6.500h3v9H3zM10 8.200a2.700 2.700 0 1 1 0 5.400 2.700 2.700 0 0 1 0-5.400z",
  sliders: "M4 6h5M13 6h3M11 4v4M4 14h2M10 14h6M8 12v4",
  folder: "M3 5h5l1.500 2H17v9H3z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20, filled = false }: { name: IconName; size?: number; filled?: boolean }) {
  return (
    <svg width={size} height={size} viewBox="0 0 20 20" fill={filled ? "currentColor" : "none"} stroke="currentColor" stroke-width="1.600" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
