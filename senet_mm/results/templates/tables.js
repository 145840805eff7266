'use strict';
// Sorting and filtering. A record is an element with data-keys: a row, or the group of rows of one network.

const $ = (id) => document.getElementById(id);
const data = JSON.parse($('data').textContent);
const collator = new Intl.Collator('en', { numeric: true });

const records = [...document.querySelectorAll('[data-keys]')].map((element, position) => ({
  element,
  position,
  keys: JSON.parse(element.dataset.keys),
  text: element.textContent.toLowerCase(),
  here: !element.closest('.paper-table') || 'here' in element.dataset, // run by us
}));
const recordOf = new Map(records.map((record) => [record.element, record]));

function compare(a, b) {
  return typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b));
}

/** Order the records of a table by a column; empty ones stay last. Direction '' is the order of the file. */
function sortTable(table, column, direction) {
  const sign = direction === 'descending' ? -1 : 1;
  const own = [...table.querySelectorAll('[data-keys]')].map((element) => recordOf.get(element));
  own.sort((a, b) => {
    const [x, y] = [a.keys[column], b.keys[column]];
    if (!direction || (x === null && y === null)) return a.position - b.position;
    if (x === null || y === null) return x === null ? 1 : -1;
    return sign * compare(x, y) || a.position - b.position;
  });
  for (const record of own) record.element.parentNode.append(record.element);
}

function onSort(event) {
  const heading = event.currentTarget.closest('th');
  const table = heading.closest('table');
  const column = [...table.querySelectorAll('.sort')].indexOf(event.currentTarget);
  const next = { ascending: 'descending', descending: '' };
  const before = heading.getAttribute('aria-sort');
  const direction = before === null || before === 'none' ? 'ascending' : next[before];
  for (const other of table.querySelectorAll('[aria-sort]')) other.removeAttribute('aria-sort');
  if (direction) heading.setAttribute('aria-sort', direction);
  sortTable(table, column, direction);
}

function filterRecords() {
  const words = $('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
  const oursOnly = $('ours-only').checked;
  let shown = 0;
  for (const record of records) {
    const fits = words.every((word) => record.text.includes(word)) && (!oursOnly || record.here);
    record.element.hidden = !fits;
    shown += fits;
  }
  for (const section of document.querySelectorAll('.table-section')) {
    section.hidden = !section.querySelector('[data-keys]:not([hidden])');
  }
  $('nothing').hidden = shown > 0;
  $('count').textContent = words.length || oursOnly ? `${shown} of ${records.length} rows` : '';
}

for (const button of document.querySelectorAll('.sort')) button.addEventListener('click', onSort);
$('filter').addEventListener('input', filterRecords);
$('ours-only').addEventListener('change', filterRecords);

/** An element with text and children; text never becomes markup. */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A name that breaks after its parts, if it must. */
function breakable(text) {
  return String(text).split(/(?<=[_/]|[a-z0-9]\.(?=[a-z]))/).flatMap((part, index) => (index ? [make('wbr'), part] : [part]));
}

/** A table from texts; the first column heads the rows. */
function makeTable(caption, headings, rows, className = '') {
  const head = make('tr', {}, ...headings.map((text) => make('th', { scope: 'col', className: text === headings[0] ? 'name' : 'number' }, ...breakable(text))));
  const body = rows.map(([first, ...rest]) =>
    make('tr', {}, make('th', { scope: 'row', className: 'name' }, ...breakable(first)), ...rest.map((cell) => make('td', {}, cell))));
  const table = make('table', { className }, make('caption', { className: 'hidden' }, caption),
    make('thead', {}, head), make('tbody', {}, ...body));
  const box = make('div', { className: 'box', tabIndex: 0 }, table);
  box.setAttribute('role', 'region');
  box.setAttribute('aria-label', caption);
  return box;
}
