// A pair beside one another, and all that is known of one run.

const SIGNIFICANT = 12; // digits; what is behind them is how computers count
const members = (pair) => [...pair.plain.map((run) => ['plain', run]), ...pair.se.map((run) => ['SE', run])];

const settingsOf = (number) => new Map(data.runs[number].settings.map((index) => data.pool[index]));
const written = (value) => (value === undefined ? '—' : JSON.stringify(value));

/** What two runs were set to that is not the same: a table, or a sentence. */
function configDifference(first, second) {
  const [a, b] = [settingsOf(first), settingsOf(second)];
  if (!a.size || !b.size) return make('p', { className: 'remark' }, 'The settings of one of the two were not recorded.');
  const keys = [...new Set([...a.keys(), ...b.keys()])].filter((key) => written(a.get(key)) !== written(b.get(key))).sort();
  if (!keys.length) return make('p', { className: 'remark' }, 'They were set alike.');
  return makeTable('What the two configs differ in', ['setting', data.runs[first].name, data.runs[second].name],
    keys.map((key) => [key, written(a.get(key)), written(b.get(key))]), 'settings');
}

/** The runs of one side: the config, and a button for each seed. */
function runButtons(kind, numbers) {
  const buttons = numbers.map((number) => {
    const { name, seed } = data.runs[number];
    const button = make('button', { type: 'button', className: 'link' }, seed === null ? 'details' : `seed ${seed}`);
    button.setAttribute('aria-label', `${name}, seed ${seed}: details`);
    button.addEventListener('click', () => showRun(number));
    return button;
  });
  return make('p', { className: 'seeds' }, make('span', { className: `kind ${kind}` }, ...breakable(numbers.length ? data.runs[numbers[0]].name : `no ${kind} run`)), ...buttons);
}

function showCurves() {
  const runs = members(data.pairs[$('pair-choice').value]);
  const name = $('curve-choice').value;
  draw($('curves'), name ? curveSpec(runs, name) : null, 'These runs left no curves.');
  $('curves-table').replaceChildren(curveTable(runs, name));
}

function showPair() {
  const pair = data.pairs[$('pair-choice').value];
  const runs = members(pair);
  choose($('curve-choice'), curveNames(runs).map((name) => [name, data.titles[name]]));
  $('curve-choice').disabled = !$('curve-choice').value;
  showCurves();
  $('verdict').textContent = pair.verdict;
  $('pair-details').replaceChildren(
    makeTable(pair.name, ['metric', 'plain', 'SE', 'difference'], pair.rows),
    runButtons('plain', pair.plain),
    runButtons('SE', pair.se),
  );
  const both = pair.plain.length && pair.se.length;
  $('pair-difference').hidden = !both;
  if (both) $('pair-difference').lastElementChild.replaceChildren(configDifference(pair.plain[0], pair.se[0]));
}

/** Anything of a record: nested lists of names and values. */
function recorded(value) {
  if (Array.isArray(value)) {
    if (value.every((item) => item === null || typeof item !== 'object')) return value.join(', ') || '—';
    return make('ol', {}, ...value.map((item) => make('li', {}, recorded(item))));
  }
  if (typeof value === 'number') return String(Number(value.toPrecision(SIGNIFICANT)));
  if (value === null || typeof value !== 'object') return String(value ?? '—');
  return make('dl', { className: 'record' }, ...Object.entries(value).flatMap(([key, item]) => [make('dt', {}, key), make('dd', {}, recorded(item))]));
}

const list = (items) => make('ul', {}, ...items.map((item) => make('li', {}, item)));
const section = (title, content) => [make('h3', {}, title), content];

function counterpart(number) {
  for (const pair of data.pairs) {
    for (const [own, other] of [['plain', 'se'], ['se', 'plain']]) {
      if (pair[own].includes(number) && pair[other].length) {
        return pair[other].find((run) => data.runs[run].seed === data.runs[number].seed) ?? pair[other][0];
      }
    }
  }
  return null;
}

function showRun(number) {
  const run = data.runs[number];
  const isSe = data.pairs.some((pair) => pair.se.includes(number));
  const other = counterpart(number);
  const parts = [recorded({ folder: run.folder, seed: run.seed, status: run.status, parameters: run.parameters?.toLocaleString('en') })];
  if (run.tables.length) parts.push(...section('In the paper’s tables', `Table ${run.tables.join(', ')}`));
  if (run.reasons.length) parts.push(...section('Why it is in no table of the paper', list(run.reasons)));
  if (run.problems.length) parts.push(...section('Problems', list(run.problems)));
  if (run.deviations.length) parts.push(...section('Deviations from the published training', list(run.deviations)));
  if (Object.keys(run.metrics).length) {
    parts.push(...section('Last test', recorded(run.metrics)));
  }
  const chart = make('div', { className: 'chart', id: 'run-curves' });
  const select = make('select', {});
  const shown = [[isSe ? 'SE' : 'plain', number], ...(other === null ? [] : [[isSe ? 'plain' : 'SE', other]])];
  choose(select, curveNames(shown).map((name) => [name, data.titles[name]]));
  const redraw = () => draw(chart, select.value ? curveSpec(shown, select.value) : null, 'It left no curves.');
  select.addEventListener('change', redraw);
  parts.push(...section('Curves', select.options.length ? make('label', {}, 'Curve ', select) : null), chart);
  if (other !== null) {
    parts.push(...section(`Config beside ${data.runs[other].name}`, configDifference(number, other)));
  }
  const record = Object.fromEntries(Object.entries(run.record).map(([key, index]) => [key, data.pool[index]]));
  parts.push(...section('Provenance', Object.keys(record).length ? recorded(record) : 'This run was not recorded (run.json).'));
  $('details-title').replaceChildren(...breakable(run.name));
  $('details-body').replaceChildren(...parts.filter((part) => part !== null));
  $('details').showModal();
  $('details-body').scrollTop = 0;
  redraw();
}

for (const button of document.querySelectorAll('[data-run]')) {
  button.addEventListener('click', () => showRun(Number(button.dataset.run)));
}
if (data.pairs.length) {
  for (const button of document.querySelectorAll('[data-pair]')) {
    button.addEventListener('click', () => {
      $('pair-choice').value = button.dataset.pair;
      showPair();
      $('pair-panel').scrollIntoView({ behavior: 'smooth', block: 'nearest' });
      $('pair-choice').focus({ preventScroll: true });
    });
  }
  $('pair-choice').addEventListener('change', showPair);
  $('curve-choice').addEventListener('change', showCurves);
  const worth = (pair) => Math.min(...members(pair).map(([, run]) => data.runs[run].curves?.series.length ?? 0));
  const first = data.pairs.reduce((best, pair, index) => (worth(pair) > worth(data.pairs[best]) ? index : best), 0);
  $('pair-choice').value = String(first); // the one with most to see
  showPair();
}
