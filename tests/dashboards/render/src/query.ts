// Runs the queries of a panel against Prometheus and makes data frames of the answers, as the data source does.
import { DataFrame, Field, FieldType, toDataFrame } from '@grafana/data';

export interface Target {
  refId: string;
  expr: string;
  format: string;
  instant: boolean;
  legendFormat: string;
}

export interface Surroundings {
  prometheus: string;
  from: number;
  to: number;
  variables: Record<string, string>;
}

type Labels = Record<string, string>;

export async function framesOf(targets: Target[], panel: any, around: Surroundings): Promise<DataFrame[]> {
  const answers = await Promise.all(targets.map((target) => ask(target, panel, around)));
  return answers.flatMap((result, index) => {
    const target = targets[index];
    return target.format === 'table'
      ? [asTable(result, target, targets.length)]
      : result.map((series) => asSeries(series, target));
  });
}

export function fill(text: string, variables: Record<string, string>): string {
  return Object.entries(variables).reduce(
    (filled, [name, value]) => filled.replaceAll('${' + name + '}', value).replaceAll('$' + name, value),
    text
  );
}

async function ask(target: Target, panel: any, around: Surroundings): Promise<any[]> {
  const seconds = around.to - around.from;
  // As Grafana: one point a pixel or maxDataPoints, but not below the panel's interval or one scrape.
  const least = panel.interval ? 5 : 1;
  const step = Math.max(least, Math.ceil(seconds / (panel.maxDataPoints ?? 400)));
  const expression = fill(target.expr, {
    __rate_interval: `${Math.max(step + 1, 20)}s`,
    __interval: `${step}s`,
    __range: `${seconds}s`,
    ...around.variables,
  });
  const parameters = new URLSearchParams({ query: expression });
  if (target.instant) {
    parameters.set('time', String(around.to));
  } else {
    parameters.set('start', String(around.from));
    parameters.set('end', String(around.to));
    parameters.set('step', String(step));
  }
  const address = `${around.prometheus}/api/v1/${target.instant ? 'query' : 'query_range'}?${parameters}`;
  const answer = await (await fetch(address)).json();
  if (answer.status !== 'success') {
    throw new Error(`${answer.error}: ${expression}`);
  }
  return answer.data.result;
}

function asSeries(series: any, target: Target): DataFrame {
  const points: Array<[number, string]> = series.values ?? [series.value];
  const labels: Labels = series.metric;
  const name = legend(target.legendFormat, labels);
  return toDataFrame({
    refId: target.refId,
    name,
    fields: [
      { name: 'Time', type: FieldType.time, values: points.map(([time]) => time * 1000), config: {} },
      {
        name: 'Value',
        type: FieldType.number,
        labels,
        values: points.map(([, value]) => number(value)),
        config: { displayNameFromDS: name },
      },
    ],
  });
}

function asTable(result: any[], target: Target, targets: number): DataFrame {
  const names = [...new Set(result.flatMap((series) => Object.keys(series.metric)))].sort();
  const fields: Array<Partial<Field> & { name: string }> = [
    { name: 'Time', type: FieldType.time, values: result.map(({ value }) => value[0] * 1000), config: {} },
    ...names.map((name) => ({
      name,
      type: FieldType.string,
      values: result.map(({ metric }) => metric[name]),
      config: { filterable: true },
    })),
    {
      name: targets > 1 ? `Value #${target.refId}` : 'Value',
      type: FieldType.number,
      values: result.map(({ value }) => number(value[1])),
      config: {},
    },
  ];
  return toDataFrame({ refId: target.refId, fields });
}

function legend(format: string, labels: Labels): string {
  if (format === '__auto') {
    return Object.values(labels).join(' ') || 'Value';
  }
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '');
}

function number(text: string): number | null {
  const value = Number(text.replace('Inf', 'Infinity'));
  return Number.isNaN(value) ? null : value;
}
