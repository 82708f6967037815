// Draws one dashboard from live data: ?dashboard=fleet&theme=dark&prometheus=URL&from=S&to=S&job=J&endpoint=E
import { createTheme, EventBusSrv, ThemeContext } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { config, setTemplateSrv } from '@grafana/runtime';
import { GlobalStyles, PanelContextProvider } from '@grafana/ui';
import React from 'react';
import { createRoot } from 'react-dom/client';
import { MemoryRouter } from 'react-router-dom';
import { setUp } from './fields';
import { Panel } from './panel';
import { Surroundings } from './query';

const given = new URLSearchParams(location.search);
const theme = createTheme({ colors: { mode: given.get('theme') === 'light' ? 'light' : 'dark' } });
const around: Surroundings = {
  prometheus: given.get('prometheus')!,
  from: Number(given.get('from')),
  to: Number(given.get('to')),
  variables: {
    job: given.get('job')!,
    instance: '.+',
    endpoint: given.get('endpoint') ?? '.+',
    objective: given.get('objective') ?? '0.995',
    datasource: 'prometheus',
  },
};

// Grafana's grid: 24 columns, rows of 30 pixels, 8 pixels between.
const GAP = 8;
const ROW = 30 + GAP;
const WIDTH = Number(given.get('width') ?? 1904);
const COLUMN = (WIDTH + GAP) / 24;

function Variables({ dashboard }: { dashboard: any }): React.JSX.Element {
  const chosen: Record<string, string> = { ...around.variables, exporter_url: 'http://localhost:10587' };
  const box = { padding: '4px 8px', background: theme.colors.background.secondary, borderRadius: 2 };
  return (
    <div style={{ display: 'flex', gap: 12, padding: '0 0 12px', fontSize: 12, alignItems: 'center' }}>
      {dashboard.templating.list.map(({ name, label }: any) => (
        <div key={name} style={{ display: 'flex', gap: 1 }}>
          <span style={{ ...box, fontWeight: 500 }}>{label}</span>
          <span style={box}>{chosen[name] === '.+' ? 'All' : (chosen[name] ?? '')}</span>
        </div>
      ))}
      <span style={{ marginLeft: 'auto', color: theme.colors.text.secondary }}>{dashboard.title}</span>
    </div>
  );
}

function Board({ dashboard }: { dashboard: any }): React.JSX.Element {
  const bottom = Math.max(...dashboard.panels.map(({ gridPos }: any) => gridPos.y + gridPos.h));
  return (
    <div data-board style={{ background: theme.colors.background.canvas, padding: 8, width: WIDTH + 16 }}>
      <Variables dashboard={dashboard} />
      <div style={{ position: 'relative', height: bottom * ROW }}>
        {dashboard.panels.map((panel: any) => {
          const { x, y, w, h } = panel.gridPos;
          const [width, height] = [w * COLUMN - GAP, h * ROW - GAP];
          return (
            <div key={panel.id} style={{ position: 'absolute', left: x * COLUMN, top: y * ROW, width, height }}>
              {panel.type === 'row' ? (
                <h4 style={{ margin: '8px 4px' }}>⌄ {panel.title}</h4>
              ) : (
                <Panel panel={panel} around={around} theme={theme} width={width} height={height} />
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

async function main(): Promise<void> {
  setUp();
  Object.assign(config, { theme2: theme });
  setTemplateSrv({
    replace: (text?: string) => text ?? '',
    getVariables: () => [],
    containsTemplate: () => false,
    updateTimeRange() {},
  } as any);
  await initPluginTranslations('render', []).catch(() => undefined);
  const dashboard = await (await fetch(`/dashboards/${given.get('dashboard')}.json`)).json();
  const context: any = { eventsScope: 'render', eventBus: new EventBusSrv() };
  createRoot(document.getElementById('root')!).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PanelContextProvider value={context}>
        <MemoryRouter>
          <Board dashboard={dashboard} />
        </MemoryRouter>
      </PanelContextProvider>
    </ThemeContext.Provider>
  );
}

void main();
