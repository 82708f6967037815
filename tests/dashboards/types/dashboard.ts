// What the JSON of a dashboard has to be, from the types that Grafana generates for its own code.
// Excess properties are errors in a literal, so a misspelt name is found too.
import type * as schema from '@grafana/schema';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as bars from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as lines from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
import type * as states from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';

// JSON holds the value of an enum where TypeScript wants its member.
type Json<T> = unknown extends T
  ? T
  : T extends string
    ? `${T}`
    : T extends readonly (infer Item)[]
      ? Json<Item>[]
      : T extends object
        ? { [Key in keyof T]: Json<T[Key]> }
        : T;

type DataSource = { type: 'prometheus'; uid: '${datasource}' };

// The query model of the Prometheus data source, which Grafana does not publish as a package.
interface Target {
  refId: string;
  datasource: DataSource;
  editorMode: 'code' | 'builder';
  expr: string;
  format: 'time_series' | 'table' | 'heatmap';
  instant: boolean;
  range: boolean;
  legendFormat: string;
}

interface DataLink {
  title: string;
  url: string;
  targetBlank: boolean;
}

type FieldConfig<Custom> = Omit<schema.FieldConfig, 'links' | 'custom'> & { links?: DataLink[]; custom?: Custom };

// Names of field properties that an override may set, with the type that each has in the defaults.
type Property<Custom> =
  | { [Key in keyof FieldConfig<Custom>]-?: { id: Key; value: FieldConfig<Custom>[Key] } }[keyof FieldConfig<Custom>]
  | { [Key in keyof Custom & string]-?: { id: `custom.${Key}`; value: Custom[Key] } }[keyof Custom & string];

type Transformation =
  | { id: 'merge'; options: Record<string, never> }
  | {
      id: 'organize';
      options: {
        excludeByName: Record<string, boolean>;
        indexByName: Record<string, number>;
        renameByName: Record<string, string>;
      };
    }
  | {
      id: 'groupingToMatrix';
      options: { columnField: string; rowField: string; valueField: string; emptyValue: 'null' | 'empty' | 'zero' };
    };

type Panel<Type extends string, Options, Custom> = Omit<
  schema.Panel,
  'type' | 'options' | 'fieldConfig' | 'targets' | 'datasource' | 'transformations'
> & {
  id: number;
  title: string;
  description: string;
  type: Type;
  datasource: DataSource;
  options: Options;
  targets: Target[];
  transformations?: Transformation[];
  fieldConfig: {
    defaults: FieldConfig<Partial<Custom>>;
    overrides: {
      matcher: { id: 'byName' | 'byRegexp'; options: string };
      properties: Property<Custom>[];
    }[];
  };
};

type AnyPanel =
  | Panel<'stat', stat.Options, Record<never, never>>
  | Panel<'bargauge', bars.Options, Record<never, never>>
  | Panel<'table', table.Options, table.FieldConfig>
  | Panel<'timeseries', lines.Options, lines.FieldConfig>
  | Panel<'state-timeline', states.Options, states.FieldConfig>;

// What the Prometheus data source adds to an annotation query, again not published as a package.
interface PrometheusAnnotation {
  expr?: string;
  step?: string;
  tagKeys?: string;
  textFormat?: string;
  titleFormat?: string;
  useValueForTime?: boolean;
}

export type Dashboard = Json<
  Omit<schema.Dashboard, 'panels' | 'annotations'> & {
    uid: string;
    title: string;
    panels: (AnyPanel | schema.RowPanel)[];
    annotations: { list: (schema.AnnotationQuery & PrometheusAnnotation)[] };
  }
>;
