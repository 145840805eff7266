// The charts: Vega-Lite, drawn as SVG when they come into view, without evaluating any code (ast: true).

const DIGITS = 4;
const ROOM = 45; // pixels of width that a name should have, or they cover one another
const FIRST = ['top1_err', 'ap'];
const TIMES = ['latency', 'speed'];
const shortNumber = (value) => (value === undefined || value === null ? '—' : String(Number(value.toPrecision(DIGITS))));
const dark = matchMedia('(prefers-color-scheme: dark)');
const drawn = new Map(); // element → { spec, view }; the view is there once it came into sight

function theme() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const text = { labelColor: colour('muted'), titleColor: colour('text'), labelFontSize: 12, titleFontSize: 13, titleFontWeight: 500 };
  return {
    background: 'transparent',
    font: getComputedStyle(document.body).fontFamily,
    view: { stroke: null },
    axis: { ...text, gridColor: colour('line'), domainColor: colour('muted'), tickColor: colour('muted'), labelOverlap: 'greedy', labelSeparation: 5 },
    legend: { ...text, orient: 'top', symbolSize: 90, symbolStrokeWidth: 2, symbolStrokeColor: colour('muted'), columnPadding: 8 },
    range: { category: [colour('plain'), colour('se')] },
    rule: { color: colour('muted') },
    muted: colour('muted'),
  };
}

async function embed(element) {
  const entry = drawn.get(element);
  if (!entry) return;
  entry.view?.finalize();
  const { muted, ...config } = theme();
  const spec = JSON.parse(JSON.stringify(entry.spec).replaceAll('@muted', muted));
  const options = { ast: true, actions: false, renderer: 'svg', defaultStyle: false, config, tooltip: { disableDefaultStyle: true } };
  const { view } = await vegaEmbed(element, spec, options);
  entry.view = view;
  element.dataset.drawn = Number(element.dataset.drawn ?? 0) + 1;
}

const inView = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) { inView.unobserve(target); embed(target); }
  }
}, { rootMargin: '200px' });

/** Show a chart, or a sentence where there is nothing to draw. */
function draw(element, spec, otherwise) {
  inView.unobserve(element);
  drawn.get(element)?.view?.finalize();
  drawn.delete(element);
  element.classList.toggle('empty', !spec);
  if (!spec) { element.replaceChildren(otherwise); return; }
  drawn.set(element, { spec });
  inView.observe(element);
}

dark.addEventListener('change', () => { for (const [element, { view }] of drawn) if (view && element.isConnected) embed(element); });

const KIND = { field: 'kind', type: 'nominal', title: null, scale: { domain: ['plain', 'SE'] } };
const SHAPE = { ...KIND, scale: { domain: ['plain', 'SE'], range: ['circle', 'triangle-up'] } };
const HOLLOW = { field: 'source', type: 'ordinal', scale: { domain: ['ours', 'paper'], range: [1, 0] }, legend: null };
const base = (description, height) => ({
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  description, width: 'container', height, autosize: { type: 'fit-x', contains: 'padding' },
});

/** Curves of some runs; `runs` has [kind, number of the run]. */
function curveSpec(runs, name) {
  const values = [];
  let unit = 'iteration';
  for (const [kind, number] of runs) {
    const { curves, seed, name: config } = data.runs[number];
    for (const { phase, x, y } of (curves?.series ?? []).filter((series) => series.name === name)) {
      unit = curves.unit;
      const every = Math.max(1, Math.ceil(x.length / 12));
      x.forEach((value, index) => values.push({ x: value, y: y[index], kind, phase, config, seed, line: `${number} ${phase}`,
        marked: index % every === every >> 1 || index === x.length - 1 }));
    }
  }
  if (!values.length) return null;
  const title = data.titles[name];
  const encoding = {
    x: { field: 'x', type: 'quantitative', title: unit, axis: { grid: false, tickCount: 6 } },
    y: { field: 'y', type: 'quantitative', title, scale: { zero: false } },
    color: KIND, detail: { field: 'line' },
  };
  const tooltip = [
    { field: 'config', title: 'run' }, { field: 'seed' }, { field: 'phase' },
    { field: 'x', title: unit, format: '.4~g' }, { field: 'y', title, format: '.4~g' },
  ];
  return {
    ...base(`${title} against the ${unit}: training dashed, validation solid, plain beside SE`, 300),
    data: { values }, encoding,
    layer: [
      { mark: { type: 'line', strokeWidth: 2, clip: true, interpolate: 'linear' },
        encoding: { strokeDash: { field: 'phase', title: null, scale: { domain: ['training', 'validation'], range: [[5, 4], [1, 0]] } },
          opacity: { condition: { test: "datum.phase === 'training'", value: 0.75 }, value: 1 } } },
      { transform: [{ filter: 'datum.marked' }], mark: { type: 'point', filled: true, size: 46, opacity: 1 },
        encoding: { shape: SHAPE, tooltip } },
    ],
  };
}

function curveNames(runs) {
  const found = new Set(runs.flatMap(([, number]) => (data.runs[number].curves?.series ?? []).map((series) => series.name)));
  const validated = new Set(runs.flatMap(([, number]) => (data.runs[number].curves?.series ?? [])
    .filter((series) => series.phase === 'validation' && series.x.length > 1).map((series) => series.name)));
  const names = Object.keys(data.titles).filter((name) => found.has(name));
  return names.sort((a, b) => validated.has(b) - validated.has(a)); // what was validated first
}

/** For those who do not see the plot: where each curve starts, its best and its end. */
function curveTable(runs, name) {
  const rows = runs.flatMap(([kind, number]) => (data.runs[number].curves?.series ?? [])
    .filter((series) => series.name === name)
    .map(({ phase, y }) => [`${data.runs[number].name}, ${phase}`, String(data.runs[number].seed ?? '—'),
      ...[y[0], Math.min(...y), Math.max(...y), y[y.length - 1]].map(shortNumber)]));
  return makeTable(`${data.titles[name] ?? 'Curves'}: the curves in numbers`, ['curve', 'seed', 'first', 'lowest', 'highest', 'last'], rows);
}

/** Fill a choice, and keep what was chosen if it is still there. */
function choose(select, options) {
  const before = select.value;
  select.replaceChildren(...options.map(([value, label]) => make('option', { value }, label)));
  if (options.some(([value]) => value === before)) select.value = before;
}

function accuracies() {
  const measured = new Map();
  for (const { group, metric, source } of data.points) {
    const value = JSON.stringify([group, metric]);
    const known = measured.get(value) ?? { label: `${group}: ${data.titles[metric]}`, rank: FIRST.includes(metric) ? 1 : 0 };
    if (source === 'ours') known.rank |= 2;
    measured.set(value, known);
  }
  return [...measured].sort(([, a], [, b]) => b.rank - a.rank).map(([value, { label }]) => [value, label]);
}

function chosenPoints() {
  const choice = $('accuracy-choice').value;
  const [group, metric] = choice ? JSON.parse(choice) : [];
  return data.points.filter((point) => point.group === group && point.metric === metric);
}

function showScatter() {
  const points = chosenPoints();
  const costs = Object.entries(data.costs).filter(([cost]) => points.some((point) => point[cost]));
  choose($('cost-choice'), costs);
  const cost = $('cost-choice').value;
  const shown = points.filter((point) => point[cost]);
  $('cost-choice').disabled = !costs.length;
  draw($('scatter'), shown.length ? scatterSpec(shown, cost) : null, 'Nothing was measured yet.');
  $('scatter-table').replaceChildren(makeTable('Accuracy and cost in numbers', ['network', 'by', 'accuracy', ...costs.map(([, title]) => title), 'timed on'],
    points.map((point) => [point.stem, point.source, shortNumber(point.value), ...costs.map(([name]) => shortNumber(point[name])), point.on ?? '—'])));
}

/** Logarithmic where the networks are of very different size. */
function costScale(values) {
  const costs = values.map(({ x }) => x);
  const wide = Math.max(...costs) > 8 * Math.min(...costs);
  return { ...(wide ? { type: 'log' } : { zero: false }), nice: false, padding: 60 };
}

/** Name one point of each pair: the plain network's, ours if there is one; returns how many. */
function nameOnce(values) {
  const named = new Map();
  const rank = ({ kind, source }) => (kind === 'plain') + 2 * (source === 'ours');
  for (const value of values) {
    value.label = '';
    const other = named.get(value.pair);
    if (!other || rank(value) > rank(other)) named.set(value.pair, value);
  }
  for (const value of named.values()) value.label = value.stem.replace(/_[a-z0-9]+$/, ''); // less the data set's name
  return named.size;
}

function scatterSpec(points, cost) {
  const title = data.titles[points[0].metric];
  const values = points.map((point) => ({ ...point, x: point[cost], line: `${point.source} ${point.pair} ${point.apart}` }));
  const encoding = {
    x: { field: 'x', type: 'quantitative', title: data.costs[cost], scale: costScale(values), axis: { grid: false, tickCount: 8, format: '~g' } },
    y: { field: 'value', type: 'quantitative', title, scale: { zero: false, padding: 16 } },
  };
  const tooltip = [{ field: 'stem', title: 'network' }, { field: 'source', title: 'by' },
    { field: 'x', title: data.costs[cost], format: '.4~g' }, { field: 'value', title, format: '.4~g' },
    ...(TIMES.includes(cost) ? [{ field: 'on' }] : [])];
  const names = nameOnce(values);
  return {
    ...base(`${title} against ${data.costs[cost]}, ${values.length} networks`, 340),
    data: { values }, encoding,
    layer: [
      { mark: { type: 'line', color: '@muted', opacity: 0.6, strokeWidth: 1.2 }, encoding: { detail: { field: 'line' } } },
      { mark: { type: 'point', size: 110, strokeWidth: 2, opacity: 1 },
        encoding: { stroke: KIND, fill: KIND, shape: SHAPE, fillOpacity: HOLLOW, tooltip } },
      ...(names * ROOM <= $('scatter').clientWidth
        ? [{ mark: { type: 'text', dy: -13, fontSize: 11, fill: '@muted' }, encoding: { text: { field: 'label' } } }] : []),
    ],
  };
}

choose($('accuracy-choice'), accuracies());
$('accuracy-choice').addEventListener('change', showScatter);
$('cost-choice').addEventListener('change', showScatter);
showScatter();
