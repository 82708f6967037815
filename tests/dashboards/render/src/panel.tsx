// One panel: its frame is Grafana's PanelChrome, its inside the component that Grafana's own panel uses.
import {
  DataFrame,
  DisplayValue,
  FieldDisplay,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  GrafanaTheme2,
  makeTimeRange,
  dateTime,
  VizOrientation,
} from '@grafana/data';
import { BarGauge, BigValue, PanelChrome, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import React, { useEffect, useState } from 'react';
import { prepared } from './fields';
import { framesOf, Surroundings } from './query';
import { Timeline } from './timeline';

interface Props {
  panel: any;
  around: Surroundings;
  theme: GrafanaTheme2;
  width: number;
  height: number;
}

export function Panel({ panel, around, theme, width, height }: Props): React.JSX.Element {
  const [frames, setFrames] = useState<DataFrame[]>();
  const [error, setError] = useState('');
  useEffect(() => {
    framesOf(panel.targets, panel, around)
      .then((found) => prepared(found, panel, theme))
      .then(setFrames)
      .catch((problem) => setError(String(problem?.stack ?? problem)));
  }, [panel, around, theme]);
  return (
    <PanelChrome
      title={panel.title}
      description={panel.description}
      width={width}
      height={height}
      padding={['stat', 'table'].includes(panel.type) ? 'none' : 'md'}
    >
      {(innerWidth, innerHeight) => (
        <div data-panel={panel.title} data-state={error ? 'error' : frames ? 'done' : 'loading'}>
          {error ? <pre>{error}</pre> : null}
          {frames ? inside(frames, innerWidth, innerHeight) : null}
        </div>
      )}
    </PanelChrome>
  );

  function inside(data: DataFrame[], w: number, h: number): React.JSX.Element {
    const empty = data.every((frame) => frame.length === 0);
    if (empty && ['timeseries', 'state-timeline', 'table'].includes(panel.type)) {
      return (
        <div data-empty style={{ height: h, display: 'grid', placeItems: 'center', color: theme.colors.text.secondary }}>
          {panel.fieldConfig.defaults.noValue || 'No data'}
        </div>
      );
    }
    switch (panel.type) {
      case 'timeseries':
        return (
          <TimeSeries
            frames={data}
            width={w}
            height={h}
            timeZone="utc"
            timeRange={makeTimeRange(dateTime(around.from * 1000), dateTime(around.to * 1000))}
            legend={panel.options.legend}
            options={panel.options}
          />
        );
      case 'state-timeline':
        return <Timeline frames={data} from={around.from} to={around.to} width={w} height={h} theme={theme} />;
      case 'table':
        return (
          <TableNG
            data={data[0]}
            width={w}
            height={h}
            sortBy={panel.options.sortBy}
            cellHeight={panel.options.cellHeight}
            noHeader={!panel.options.showHeader}
            fieldConfig={panel.fieldConfig}
          />
        );
      case 'stat':
        return repeated(data, w, h, true);
      default:
        return repeated(data, w, h, false);
    }
  }

  function values(data: DataFrame[]): FieldDisplay[] {
    return getFieldDisplayValues({
      fieldConfig: panel.fieldConfig,
      reduceOptions: panel.options.reduceOptions,
      replaceVariables: (text: string) => text,
      theme,
      data,
      timeZone: 'utc',
    });
  }

  function repeated(data: DataFrame[], w: number, h: number, big: boolean): React.JSX.Element {
    return (
      <VizRepeater<FieldDisplay, any>
        source={data}
        renderCounter={0}
        width={w}
        height={h}
        getValues={() => values(data)}
        getAlignmentFactors={getDisplayValueAlignmentFactors}
        orientation={big ? VizOrientation.Auto : VizOrientation.Horizontal}
        autoGrid={big}
        minVizHeight={panel.options.minVizHeight}
        maxVizHeight={panel.options.maxVizHeight}
        itemSpacing={8}
        renderValue={({ value, width: ww, height: hh, alignmentFactors }) =>
          big ? (
            <BigValue
              value={named(value.display)}
              width={ww}
              height={hh}
              theme={theme}
              colorMode={panel.options.colorMode}
              graphMode={panel.options.graphMode}
              textMode={panel.options.textMode}
              alignmentFactors={alignmentFactors}
              wideLayout
            />
          ) : (
            <BarGauge
              value={value.display}
              field={value.field}
              display={value.view?.getFieldDisplayProcessor(value.colIndex!)}
              width={ww}
              height={hh}
              theme={theme}
              orientation={VizOrientation.Horizontal}
              displayMode={panel.options.displayMode}
              showUnfilled={panel.options.showUnfilled}
              valueDisplayMode={panel.options.valueMode}
              namePlacement={panel.options.namePlacement}
              alignmentFactors={alignmentFactors}
              text={panel.options.text}
              itemSpacing={8}
            />
          )
        }
      />
    );
  }
}

// A single number stands without the name of its series, as `textMode: auto` has it.
function named(value: DisplayValue): DisplayValue {
  return { ...value, title: undefined };
}
