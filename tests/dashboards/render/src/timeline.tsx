// A stand-in for the state timeline, which Grafana does not publish as a component: bands drawn from the same
// display values (text and colour) that Grafana computes for its own.
import { DataFrame, FieldType, getDisplayProcessor, getFieldDisplayName, GrafanaTheme2 } from '@grafana/data';
import React from 'react';

interface Props {
  frames: DataFrame[];
  from: number;
  to: number;
  width: number;
  height: number;
  theme: GrafanaTheme2;
}

const NAMES = 170;
const AXIS = 20;

interface Band {
  start: number;
  end: number;
  value: number;
}

function bandsOf(times: number[], values: Array<number | null>): Band[] {
  const step = times.length > 1 ? Math.min(...times.slice(1).map((time, i) => time - times[i])) : 1000;
  const found: Band[] = [];
  values.forEach((value, i) => {
    if (value === null || value === undefined) {
      return;
    }
    const last = found.at(-1);
    if (last && last.value === value && times[i] - last.end <= step) {
      last.end = times[i] + step;
    } else {
      found.push({ start: times[i], end: times[i] + step, value });
    }
  });
  return found;
}

export function Timeline({ frames, from, to, width, height, theme }: Props): React.JSX.Element {
  const row = (height - AXIS) / Math.max(frames.length, 1);
  const across = width - NAMES;
  const x = (time: number) => NAMES + (Math.min(Math.max(time / 1000, from), to) - from) * (across / (to - from));
  const ticks = [0, 1, 2, 3, 4].map((part) => from + ((to - from) * (part + 0.5)) / 5);
  return (
    <svg width={width} height={height} style={{ fontFamily: theme.typography.fontFamily, fontSize: 12 }}>
      {frames.map((frame, index) => {
        const time = frame.fields.find((field) => field.type === FieldType.time)!;
        const field = frame.fields.find((one) => one.type === FieldType.number)!;
        const display = field.display ?? getDisplayProcessor({ field, theme });
        return (
          <g key={index} transform={`translate(0 ${index * row})`}>
            <text x={NAMES - 10} y={row / 2 + 4} textAnchor="end" fill={theme.colors.text.primary}>
              {getFieldDisplayName(field, frame, frames)}
            </text>
            {bandsOf(time.values, field.values).map((band) => {
              const shown = display(band.value);
              const wide = x(band.end) - x(band.start);
              return (
                <g key={band.start}>
                  <rect x={x(band.start)} y={row * 0.08} width={wide} height={row * 0.84} fill={shown.color} opacity={0.8} />
                  {wide > 45 && (
                    <text x={x(band.start) + 6} y={row / 2 + 4} fill={theme.colors.getContrastText(shown.color!)}>
                      {shown.text}
                    </text>
                  )}
                </g>
              );
            })}
          </g>
        );
      })}
      {ticks.map((tick) => (
        <text key={tick} x={x(tick * 1000)} y={height - 5} textAnchor="middle" fill={theme.colors.text.secondary}>
          {new Date(tick * 1000).toISOString().slice(11, 19)}
        </text>
      ))}
    </svg>
  );
}
