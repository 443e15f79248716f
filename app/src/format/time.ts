// Times and ages in words short enough for a table.

/** Seconds as the largest two useful units at most: 45s, 3m, 2h, 5d. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h`;
  return `${Math.floor(s / 86_400)}d`;
}

/** How long ago a Unix second was. */
export function ago(time: number, now: number): string {
  const seconds = now - time;
  return seconds < 2 ? 'now' : `${duration(seconds)} ago`;
}

/** The time of day of a Unix second, in the reader's zone. */
export function clock(time: number): string {
  return new Date(time * 1000).toLocaleTimeString('en-GB');
}

/** Day and time of a Unix second, in the reader's zone, sortable at sight. */
export function stamp(time: number): string {
  const date = new Date(time * 1000);
  const two = (n: number) => String(n).padStart(2, '0');
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  );
}
