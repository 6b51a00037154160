// The table: a row for each key of the view, with its callers and callees on demand.

const ROWS = 40; // shown at first, and added by each "more"
const NEIGHBOURS = 12;
const LEADING = 5; // rows that lead the table

class Table {
  // `page` has: model, state, onState(changes), neighbours(key), find(name).
  constructor(place, filterPlace, page) {
    Object.assign(this, {place, page});
    this.n = ROWS;
    this.open = new Set();
    this.filter = element('input', {
      type: 'search', placeholder: 'name or file', 'aria-label': 'Filter the table',
      oninput: () => page.onState({filter: this.filter.value}),
    });
    this.count = element('span', {class: 'note', role: 'status'});
    this.copy = element('button', {type: 'button', onclick: () => this.copyText()},
                        'Copy as text');
    filterPlace.replaceChildren(element('label', {}, 'Table ', this.filter), this.copy, this.count);
  }

  columns() {
    const {isDiff} = this.page, change = (row, kind) => row[kind].shown;
    const value = kind => row => row[kind].new;
    const format = kind => row => this.format(row, kind);
    const bounds = kind => row => row[kind].hasSamples ? formatBounds(row[kind], !isDiff) : '';
    const width = kind => row => {
      const [low, high] = row[kind].bounds;
      return high - low;
    };
    const columns = ['flat', 'cumulative'].flatMap(kind => [
      {id: kind, name: kind, sort: isDiff ? row => change(row, kind) : value(kind),
       show: format(kind), isNumber: true},
      {id: `${kind}-interval`, name: 'interval', sort: width(kind), show: bounds(kind),
       isNumber: true, isMinor: true, isInterval: true},
    ]).filter(column => !column.isInterval || this.hasInterval(column));
    if (isDiff)
      columns.splice(columns.findIndex(column => column.id === 'cumulative'), 0,
                     {id: 'base', name: 'base', sort: row => row.flat.base, isNumber: true,
                      isMinor: true, show: row => this.formatValue(row.flat.base)},
                     {id: 'new', name: 'new', sort: value('flat'), isNumber: true, isMinor: true,
                      show: row => this.formatValue(row.flat.new)});
    if (this.page.course)
      columns.push(...this.columnsOfSeries());
    columns.push({id: 'name', name: this.page.keys.by === 'line' ? 'function' : this.page.keys.by,
                  sort: row => row.name, show: row => row.name});
    return columns;
  }

  // Exact values have no intervals. In a series other columns take the place of the last interval.
  hasInterval(column) {
    return !this.page.total.isExact && !(this.page.course && column.id === 'cumulative-interval');
  }

  // What a series says of each row. Rows of other types than the one that was judged have no trend.
  columnsOfSeries() {
    const {course, rows, sides} = this.page, columns = [];
    if (rows.some(row => row.trend))
      columns.push({
        id: 'trend', name: 'trend', sort: row => row.trend ? row.trend.slope : 0, show: row =>
          row.trend ? course.formatVerdict(row.trend, sides.isBytes) : '',
      });
    if (rows.some(row => row.lifetime > 0))
      columns.push({
        id: 'lifetime', name: 'mean lifetime', isNumber: true, isMinor: true,
        sort: row => row.lifetime || 0, show: row => this.formatLifetime(row),
      });
    return columns;
  }

  // Blocks of a function that grows have no mean lifetime, since many of them are still in use.
  formatLifetime({lifetime, trend}) {
    if (!(lifetime > 0) || (trend && trend.verdict === 'grows'))
      return '';
    return lifetime === Infinity ? 'all the time'
      : lifetime < 10 ? '< 0.01\u00a0s' : formatSpan(lifetime);
  }

  formatValue(value) {
    return value === 0 ? '' : formatValue(value, this.page.sides.isBytes);
  }

  format(row, kind) {
    const {isDiff, sides, total} = this.page, change = row[kind];
    if (!isDiff)
      return change.new === 0
        ? '' : `${formatValue(change.new, sides.isBytes)} ${formatShare(change.new, total.new)}`;
    return change.shown === 0
      ? '' : formatChange(change.shown, sides.isBytes) +
        (kind === 'flat' && row.isReal ? ' *' : '');
  }

  // Rows of a comparison that hold nothing themselves and did not change are shown if they are asked
  // for.
  isWorthARow({flat, cumulative}) {
    return !this.page.isDiff || flat.base !== 0 || flat.new !== 0 || cumulative.shown !== 0;
  }

  // Returns the rows that the filter leaves, in order.
  shown() {
    const {sort, descends, filter} = this.page.state, wanted = filter.toLowerCase();
    const column = this.columns().find(c => c.id === sort) || this.columns()[0];
    const sign = descends ? -1 : 1;
    const sizeOf = value => this.page.isDiff && typeof value === 'number' && column.id !== 'base'
      ? Math.abs(value) : value;
    return this.page.rows
      .filter(row => wanted ? `${row.name} ${row.place}`.toLowerCase().includes(wanted)
                            : this.isWorthARow(row))
      .map(row => [sizeOf(column.sort(row)), row])
      .sort(([a, x], [b, y]) => sign * (typeof a === 'string' ? a.localeCompare(b) : a - b) ||
        Math.abs(y.cumulative.shown) - Math.abs(x.cumulative.shown) ||
        (x.name < y.name ? -1 : 1))
      .map(([, row]) => row);
  }

  draw() {
    const columns = this.columns(), rows = this.shown(), {state} = this.page;
    this.filter.value = state.filter;
    this.count.textContent = `${groupDigits(String(rows.length))} of ` +
      `${groupDigits(String(this.page.rows.length))} rows`;
    const head = element('tr', {}, ...columns.map(column => this.head(column)));
    const body = rows.slice(0, this.n).flatMap(row => this.row(row, columns));
    const hint = this.isLedByStd(rows) ? element('p', {class: 'note'},
      'Hint: functions of the standard library come first; pprofconv html --hide-std gives what ' +
      'they hold to their callers.') : '';
    const more = element('button', {
      type: 'button', onclick: () => { this.n += 4 * ROWS; this.draw(); },
    }, `Show more of ${rows.length - this.n} rows`);
    this.place.replaceChildren(
      hint, element('table', {}, element('caption', {}, this.caption()), element('thead', {}, head),
              element('tbody', {}, ...body)),
      rows.length > this.n ? more : '');
  }

  // Returns whether the first rows are mostly functions of standard libraries.
  isLedByStd(rows) {
    const {model, keys} = this.page, first = rows.slice(0, LEADING);
    if (!model.stdNames || keys.by !== 'function')
      return false;
    const std = new RegExp(model.stdNames);
    return 2 * first.filter(row => std.test(row.name)).length > first.length;
  }

  caption() {
    return this.page.isDiff
      ? 'Flat is what a function allocated itself; cumulative includes what it called. ' +
        'A * marks changes beyond the sampling error, judged among all rows.'
      : 'Flat is what a function allocated itself; cumulative includes what it called.';
  }

  head(column) {
    const {state} = this.page, isSorted = state.sort === column.id;
    const order = isSorted ? state.descends ? 'descending' : 'ascending' : 'none';
    const sort = () => this.page.onState({
      sort: column.id, descends: isSorted ? !state.descends : column.id !== 'name',
    });
    return element('th', {scope: 'col', 'aria-sort': order, class: this.classOf(column)},
                   element('button', {type: 'button', onclick: sort}, column.name,
                           isSorted ? state.descends ? ' ▼' : ' ▲' : ''));
  }

  classOf(column) {
    return (column.isNumber ? 'number' : column.id) + (column.isMinor ? ' minor' : '');
  }

  row(row, columns) {
    const isOpen = this.open.has(row.key), {isDiff} = this.page;
    const toggle = () => {
      if (!this.open.delete(row.key))
        this.open.add(row.key);
      this.draw();
      [...this.place.querySelectorAll('.name button')].find(
        button => Number(button.dataset.key) === row.key)?.focus();
    };
    const button = element('button', {type: 'button', 'aria-expanded': String(isOpen),
                                      title: row.name, onclick: toggle},
                           cutName(shortName(row.name)));
    button.dataset.key = row.key;
    const cells = columns.map(column => column.id === 'name'
      ? element('td', {class: 'name'}, button, element('span', {class: 'place', title: row.place},
                                                       cutPath(row.place)))
      : element('td', {class: this.classOf(column)}, column.show(row)));
    const kind = !isDiff || !row.isReal ? '' : row.flat.shown > 0 ? 'up real' : 'down real';
    const main = element('tr', {class: kind}, ...cells);
    return isOpen ? [main, this.details(row, columns.length)] : [main];
  }

  details(row, nColumns) {
    const {callers, callees} = this.page.neighbours(row.key);
    const search = element('button', {type: 'button',
                                      onclick: () => this.page.onState({search: row.name})},
                           'Find in the flame graph');
    return element('tr', {class: 'details'}, element(
      'td', {colspan: nColumns}, element('p', {class: 'full'}, row.name), search,
      element('div', {class: 'neighbours'}, this.list('Callers', callers),
              this.list('Callees', callees))));
  }

  list(title, neighbours) {
    const {isDiff, sides, keys} = this.page;
    const items = neighbours.slice(0, NEIGHBOURS).map(([key, change]) => element(
      'li', {}, element('span', {class: 'amount'}, isDiff
        ? formatChange(change.shown, sides.isBytes)
        : formatValue(change.new, sides.isBytes)), ` ${cutName(shortName(keys.names[key]))}`));
    if (neighbours.length > NEIGHBOURS)
      items.push(element('li', {class: 'note'}, `${neighbours.length - NEIGHBOURS} more`));
    return element('div', {}, element('h3', {}, title),
                   items.length ? element('ul', {}, ...items) : element('p', {}, 'none'));
  }

  // Returns the table as columns of text.
  text() {
    const columns = this.columns(), rows = this.shown().slice(0, this.n);
    const cells = [columns.map(column => column.name), ...rows.map(
      row => columns.map(column => column.show(row) +
        (column.id === 'name' && row.place ? `  ${row.place}` : '')))];
    const widths = columns.map((column, i) => Math.max(...cells.map(line => line[i].length)));
    return cells.map(line => line.map((cell, i) => columns[i].isNumber
      ? cell.padStart(widths[i]) : cell).join('  ').trimEnd()).join('\n') + '\n';
  }

  copyText() {
    const area = element('textarea', {class: 'copied', 'aria-label': 'The table as text',
                                      readonly: true, rows: 12}, this.text());
    const done = isCopied => {
      this.copy.textContent = isCopied ? 'Copied' : 'Press Ctrl+C';
      if (isCopied)
        area.remove();
    };
    this.place.prepend(area);
    area.select();
    (navigator.clipboard ? navigator.clipboard.writeText(area.value) : Promise.reject())
      .then(() => done(true), () => done(document.execCommand('copy')));
  }
}
