/** The value of one series in an OpenMetrics text; null when it is not there. Labels that are not named are not looked at. */
export function readMetric(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number | null {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const line = text
    .split('\n')
    .find(
      (each) =>
        (each.startsWith(`${name} `) || each.startsWith(`${name}{`)) && wanted.every((one) => each.includes(one)),
    );
  const value = line?.slice(line.indexOf('{') < 0 ? name.length : line.indexOf('}') + 1).trim();
  return value === undefined ? null : Number(value.split(' ')[0]);
}
