// The field options of each kind of panel, and what Grafana does with frames before a panel sees them.
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createTheme,
  DataFrame,
  FieldConfigOptionsRegistry,
  GrafanaTheme2,
  identityOverrideProcessor,
  PanelPlugin,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformers,
} from '@grafana/data';
import { lastValueFrom, of } from 'rxjs';

const option = (id: string, defaultValue?: unknown): any => ({
  id,
  path: id,
  name: id,
  defaultValue,
  editor: () => null,
  override: () => null,
  process: identityOverrideProcessor,
  shouldApply: () => true,
});

const STANDARD = ['unit', 'min', 'max', 'decimals', 'displayName', 'noValue', 'links', 'actions', 'fieldMinMax'];

export function setUp(): void {
  standardEditorsRegistry.setInit(() => []);
  standardFieldConfigEditorRegistry.setInit(() => [
    ...STANDARD.map((id) => option(id)),
    option('color', { mode: 'palette-classic' }),
    option('thresholds', { mode: 'absolute', steps: [{ value: -Infinity, color: 'green' }] }),
    option('mappings', []),
  ]);
}

const CUSTOM: Record<string, string[]> = {
  timeseries: [
    ...['drawStyle', 'lineInterpolation', 'lineWidth', 'fillOpacity', 'gradientMode', 'showPoints', 'pointSize'],
    ...['spanNulls', 'stacking', 'thresholdsStyle', 'axisPlacement', 'axisLabel', 'hideFrom', 'lineStyle'],
    ...['scaleDistribution', 'barAlignment', 'axisColorMode', 'axisBorderShow'],
  ],
  table: ['align', 'cellOptions', 'filterable', 'inspect', 'width', 'minWidth', 'hideFrom'],
  'state-timeline': ['fillOpacity', 'lineWidth'],
};

const DEFAULTS: Record<string, unknown> = {
  scaleDistribution: { type: 'linear' },
  barAlignment: 0,
  axisColorMode: 'text',
};

const registries: Record<string, FieldConfigOptionsRegistry> = {};

function registryOf(kind: string): FieldConfigOptionsRegistry {
  registries[kind] ??= new PanelPlugin(() => null).useFieldConfig({
    useCustomConfig: (builder) =>
      (CUSTOM[kind] ?? []).forEach((id) => builder.addCustomEditor(option(id, DEFAULTS[id]))),
  }).fieldConfigRegistry;
  return registries[kind];
}

const TRANSFORMERS: Record<string, any> = {
  merge: standardTransformers.mergeTransformer,
  organize: standardTransformers.organizeFieldsTransformer,
  groupingToMatrix: standardTransformers.groupingToMatrixTransformer,
};

export async function prepared(
  frames: DataFrame[],
  panel: any,
  theme: GrafanaTheme2 = createTheme()
): Promise<DataFrame[]> {
  let found = frames;
  for (const { id, options } of panel.transformations ?? []) {
    const context = { interpolate: (text: string) => text };
    found = await lastValueFrom(of(found).pipe(TRANSFORMERS[id].operator(options, context)));
  }
  // A dashboard holds null where the first threshold has no lower bound.
  const config = JSON.parse(JSON.stringify(panel.fieldConfig), (key, value) =>
    key === 'steps' ? value.map((step: any) => ({ ...step, value: step.value ?? -Infinity })) : value
  );
  const shown = applyFieldOverrides({
    data: found,
    fieldConfig: config,
    fieldConfigRegistry: registryOf(panel.type),
    replaceVariables: (text: string) => text,
    theme,
    timeZone: 'utc',
  });
  cacheFieldDisplayNames(shown);
  return shown;
}
