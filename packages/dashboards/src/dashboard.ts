/** One figure or curve: a question to Prometheus (PromQL) and how to read the answer. */
export type Panel = {
  readonly title: string;
  /** What a series is called; labels as {{label}}. */
  readonly legend?: string;
  readonly query: string;
  /** A unit of Grafana: short, s, bytes, percentunit, reqps … */
  readonly unit: string;
  readonly kind: 'figure' | 'curve';
  /** Of 24 columns. A figure is 4 wide and a curve 8 unless told. */
  readonly width?: number;
};

export type Dashboard = {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly panels: readonly Panel[];
  /** Whether one service is chosen at the top, as $service. */
  readonly choosesService?: true;
};

const columns = 24;
const heights = { figure: 4, curve: 8 };
const widths = { figure: 4, curve: 8 };
const source = { type: 'prometheus', uid: 'prometheus' };

/** A dashboard as Grafana reads it from a file. */
export function renderDashboard({ uid, title, description, panels, choosesService }: Dashboard): object {
  return {
    uid,
    title,
    description,
    tags: ['sagamart'],
    schemaVersion: 41,
    editable: false,
    refresh: '10s',
    time: { from: 'now-30m', to: 'now' },
    templating: { list: choosesService === true ? [serviceChoice] : [] },
    panels: placed(panels).map(({ panel, x, y }, index) => renderPanel(panel, { id: index + 1, x, y })),
  };
}

const serviceChoice = {
  name: 'service',
  label: 'Service',
  type: 'query',
  datasource: source,
  query: { query: 'label_values(up, service)', refId: 'service' },
  refresh: 2,
  current: { text: 'order', value: 'order' },
};

/** From left to right, and a new row where the next one has no room or another height. */
function placed(panels: readonly Panel[]): { panel: Panel; x: number; y: number }[] {
  let [x, y, rowHeight] = [0, 0, 0];
  return panels.map((panel) => {
    const width = widthOf(panel);
    const height = heights[panel.kind];
    if (x + width > columns || (x > 0 && height !== rowHeight)) [x, y] = [0, y + rowHeight];
    rowHeight = height;
    const place = { panel, x, y };
    x += width;
    return place;
  });
}

function widthOf({ width, kind }: Panel): number {
  return width ?? widths[kind];
}

function renderPanel(panel: Panel, { id, x, y }: { id: number; x: number; y: number }): object {
  const { title, query, unit, kind, legend = '__auto' } = panel;
  const isFigure = kind === 'figure';
  return {
    id,
    type: isFigure ? 'stat' : 'timeseries',
    title,
    datasource: source,
    gridPos: { x, y, w: widthOf(panel), h: heights[kind] },
    targets: [
      {
        refId: 'A',
        datasource: source,
        expr: query,
        legendFormat: legend,
        instant: isFigure,
        range: !isFigure,
        exemplar: query.includes('_bucket'),
      },
    ],
    fieldConfig: { defaults: { unit, min: 0, decimals: unit === 'short' && isFigure ? 0 : null }, overrides: [] },
    options: isFigure
      ? { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'none' }
      : { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
  };
}
