/** Icons: 16 × 16, in the colour of the text beside them, invisible to screen readers. @module */

const paths = {
  overview: "M2.5 2.5h4v5h-4zM9.5 2.5h4v3h-4zM9.5 8.5h4v5h-4zM2.5 10.5h4v3h-4z",
  services: "M2.5 3.5h11v3.5h-11zM2.5 9.5h11V13h-11zM5 5.25h.01M5 11.25h.01",
  alerts:
    "M8 2a3.75 3.75 0 0 0-3.75 3.75c0 3.5-1.5 4.75-1.5 4.75h10.5s-1.5-1.25-1.5-4.75A3.75 3.75 0 0 0 8 2zM6.75 13a1.4 1.4 0 0 0 2.5 0",
  rules: "M2.5 4.5h5M11.5 4.5h2M2.5 11.5h2M8.5 11.5h5M9.5 2.75v3.5M6.5 9.75v3.5",
  critical: "M5.5 2h5L14 5.5v5L10.5 14h-5L2 10.5v-5zM8 5v3.5M8 11h.01",
  warning: "M8 2.5 14.25 13.5H1.75zM8 6.5v3M8 11.5h.01",
  info: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM8 7.5V11M8 5h.01",
  healthy: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM5.5 8.25 7.25 10l3.25-3.75",
  down: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM3.8 3.8l8.4 8.4",
  system: "M2.5 3h11v7.5h-11zM6 13.5h4M8 10.5v3",
  light:
    "M8 5.25a2.75 2.75 0 1 1 0 5.5 2.75 2.75 0 0 1 0-5.5zM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M3.4 12.6l.7-.7M11.9 4.1l.7-.7",
  dark: "M13.5 9.5A5.75 5.75 0 0 1 6.5 2.5a5.75 5.75 0 1 0 7 7z",
  out: "M6.5 2.5h-4v11h4M10 5l3 3-3 3M13 8H6",
  chevron: "M5 6.5 8 9.5l3-3",
  unplugged: "M2 2l12 12M6 10.5 8 12.5l2-2M3.5 7.5A7 7 0 0 1 6 5.75M12.5 7.5A7 7 0 0 0 8 5",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.25 10.25l3.25 3.25",
  close: "M4 4l8 8M12 4l-8 8",
  check: "M3 8.5 6.5 12 13 4.5",
  back: "M9.5 3.5 5 8l4.5 4.5",
  plus: "M8 3v10M3 8h10",
} as const;
export type IconName = keyof typeof paths;

export function Icon({ name, class: size = "size-4" }: { name: IconName; class?: string }) {
  return (
    <svg
      class={`shrink-0 ${size}`}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  );
}
