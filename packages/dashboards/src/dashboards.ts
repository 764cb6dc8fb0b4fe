import type { Dashboard, Panel } from './dashboard.ts';

const range = '$__range';
const interval = '$__rate_interval';

function figure(title: string, query: string, unit = 'short', width?: number): Panel {
  return { title, query, unit, kind: 'figure', ...(width === undefined ? {} : { width }) };
}

function curve(title: string, query: string, { unit = 'short', legend = '__auto', width = 8 } = {}): Panel {
  return { title, query, unit, legend, kind: 'curve', width };
}

function quantile(share: number, histogram: string, { by = '', where = '', window = interval } = {}): string {
  return `histogram_quantile(${share}, sum by (${by === '' ? 'le' : `le, ${by}`}) (rate(${histogram}_bucket${where}[${window}])))`;
}

const requests = 'http_server_request_duration_seconds';
const saga = 'sagamart_saga_duration_seconds';
const provider = 'sagamart_provider_call_duration_seconds';

const shop: Dashboard = {
  uid: 'shop',
  title: '1 The shop at a glance',
  description: 'For whoever keeps the shop: what was ordered, how it ended, and who waits.',
  panels: [
    figure('Orders taken', `sum(increase(sagamart_events_said_total{type="order.placed"}[${range}]))`),
    figure('Confirmed', `sum(increase(${saga}_count{outcome="confirmed"}[${range}]))`),
    figure('Cancelled before', `sum(increase(${saga}_count{outcome!="confirmed"}[${range}]))`),
    figure('Undecided now', `sum(sagamart_unfinished{state="order_pending"})`),
    figure('Refunds under way', `sum(sagamart_unfinished{state="payment_refunding"})`),
    figure('Customers not told yet', `sum(sagamart_unfinished{state="notification_pending"})`),
    figure('Half are decided within', quantile(0.5, saga, { window: range }), 's'),
    figure('95 of 100 are decided within', quantile(0.95, saga, { window: range }), 's'),
    figure(
      'Checkouts answered without an error',
      `1 - (sum(rate(${requests}_count{service="gateway",http_request_method="POST",http_route="/v1/orders",http_response_status_code=~"5.."}[${range}])) or vector(0)) / sum(rate(${requests}_count{service="gateway",http_request_method="POST",http_route="/v1/orders"}[${range}]))`,
      'percentunit',
    ),
    figure('Messages waiting for an operator', 'sum(sagamart_parked_messages)'),
    figure('Services up', 'sum(up{job="sagamart"})'),
    figure('Alerts', 'count(ALERTS{alertstate="firing"}) or vector(0)'),
    curve('Orders taken a second', `sum(rate(sagamart_events_said_total{type="order.placed"}[${interval}]))`, {
      legend: 'orders',
      width: 12,
    }),
    curve('How orders end', `sum by (outcome) (rate(${saga}_count[${interval}]))`, {
      legend: '{{outcome}}',
      width: 12,
    }),
  ],
};

const sagaBoard: Dashboard = {
  uid: 'saga',
  title: '2 The saga',
  description: 'How orders are decided, what services say because of them, and what is owed.',
  panels: [
    curve('Outcomes a second', `sum by (outcome) (rate(${saga}_count[${interval}]))`, { legend: '{{outcome}}' }),
    curve('Placed to decided, 95 %', quantile(0.95, saga), { unit: 's', legend: 'p95' }),
    curve('Placed to decided, 50 %', quantile(0.5, saga), { unit: 's', legend: 'p50' }),
    curve('Events said a second', `sum by (type) (rate(sagamart_events_said_total[${interval}]))`, {
      legend: '{{type}}',
      width: 16,
    }),
    curve('Unfinished', 'sum by (state) (sagamart_unfinished)', { legend: '{{state}}' }),
    curve('Oldest unfinished', 'max by (state) (sagamart_unfinished_oldest_age_seconds)', {
      unit: 's',
      legend: '{{state}}',
    }),
    curve('Calls to the provider a second', `sum by (call, result) (rate(${provider}_count[${interval}]))`, {
      legend: '{{call}}: {{result}}',
    }),
    curve('A call takes, 95 %', quantile(0.95, provider, { by: 'call' }), { unit: 's', legend: '{{call}}' }),
  ],
};

const pipeline: Dashboard = {
  uid: 'pipeline',
  title: '3 The pipeline',
  description: 'From the outbox through Debezium and Kafka to the consumers: where what was said is now.',
  panels: [
    curve('Outbox rows not yet in Kafka', 'sum by (service) (sagamart_outbox_unpublished)', { legend: '{{service}}' }),
    curve('Oldest of them', 'max by (service) (sagamart_outbox_unpublished_oldest_age_seconds)', {
      unit: 's',
      legend: '{{service}}',
    }),
    curve('Events said a second', `sum by (service) (rate(sagamart_events_said_total[${interval}]))`, {
      legend: '{{service}}',
    }),
    curve('Slots that are read', 'sum by (service) (sagamart_slot_active)', { legend: '{{service}}' }),
    curve('WAL after the confirmed position', 'max by (service) (sagamart_slot_lag_bytes)', {
      unit: 'bytes',
      legend: '{{service}}',
    }),
    curve('WAL kept for the slot', 'max by (service) (sagamart_slot_retained_wal_bytes)', {
      unit: 'bytes',
      legend: '{{service}}',
    }),
    curve('Messages behind', 'sum by (service, topic) (sagamart_consumer_lag_messages)', {
      legend: '{{service}}: {{topic}}',
    }),
    curve('Nothing heard from Kafka for', 'max by (service) (sagamart_consumer_fetch_age_seconds)', {
      unit: 's',
      legend: '{{service}}',
    }),
    curve('Messages taken a second', `sum by (service) (rate(sagamart_messages_total[${interval}]))`, {
      legend: '{{service}}',
    }),
    curve('What became of them', `sum by (result) (rate(sagamart_messages_total[${interval}]))`, {
      legend: '{{result}}',
    }),
    curve('Parked', 'sum by (service) (sagamart_parked_messages)', { legend: '{{service}}' }),
    curve('Oldest parked', 'max by (service) (sagamart_parked_oldest_age_seconds)', {
      unit: 's',
      legend: '{{service}}',
    }),
  ],
};

const one = '{service="$service"}';

const service: Dashboard = {
  uid: 'one-service',
  title: '4 One service',
  description: 'Requests, errors and durations by route, and how the process does.',
  choosesService: true,
  panels: [
    curve(
      'Requests a second',
      `sum by (http_request_method, http_route) (rate(${requests}_count${one}[${interval}]))`,
      { unit: 'reqps', legend: '{{http_request_method}} {{http_route}}' },
    ),
    curve(
      'Answers a second by status',
      `sum by (http_response_status_code) (rate(${requests}_count${one}[${interval}]))`,
      { unit: 'reqps', legend: '{{http_response_status_code}}' },
    ),
    curve('A request takes, 95 %', quantile(0.95, requests, { by: 'http_route', where: one }), {
      unit: 's',
      legend: '{{http_route}}',
    }),
    curve('Connections to the database', `sum by (state) (sagamart_pool_connections${one})`, { legend: '{{state}}' }),
    curve('Waiting for one', `sum(sagamart_pool_waiting${one})`, { legend: 'waiting' }),
    curve('Sources that answer', `sum by (source) (sagamart_source_up${one})`, { legend: '{{source}}' }),
    curve('Processor', `sum(rate(process_cpu_seconds_total${one}[${interval}]))`, {
      unit: 'percentunit',
      legend: 'of a core',
    }),
    curve('Event loop is late, 99 %', `max(nodejs_eventloop_lag_p99_seconds${one})`, { unit: 's', legend: 'p99' }),
    curve('Memory', `sum(process_resident_memory_bytes${one})`, { unit: 'bytes', legend: 'resident' }),
    figure('Runs', `sum by (version, node) (sagamart_build_info${one})`, 'short', 8),
  ],
};

/** In the order in which one looks, by the name of their file. */
export const dashboards: Readonly<Record<string, Dashboard>> = {
  shop,
  saga: sagaBoard,
  pipeline,
  'one-service': service,
};
