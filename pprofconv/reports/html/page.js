// The page: its state, which is in the fragment of its address, and its controls.

const THEMES = ['auto', 'light', 'dark'];
const WORDS = [['function', 'function'], ['line', 'line'], ['file', 'file'], ['library', 'library']];

class Page {
  constructor(model) {
    this.model = model;
    this.course = model.isSeries ? new Course(model) : null;
    const type = Math.max(0, model.types.findIndex(t => t.type === model.type));
    this.defaults = {
      type: model.types[type].type, by: 'function', invert: false, width: 'change', zoom: '',
      search: '', sort: 'flat', descends: true, filter: '', theme: 'auto', full: model.fullNames,
      base: model.dumps.length > 1 ? 0 : -1,
      now: (this.course ? Math.max(2, this.course.nJudged) : model.dumps.length) - 1,
    };
    this.state = {...this.defaults};
    this.story = new Story(model, byId('story'));
    this.flame = new Flame(byId('flame'), byId('tip'), node => this.zoomTo(node));
    this.makeControls();
    this.table = new Table(byId('table'), byId('filter'), this);
    this.charts = this.course ? new Charts(byId('series'), this) : null;
    byId('theme').addEventListener('click', () => this.onState({
      theme: THEMES[(THEMES.indexOf(this.state.theme) + 1) % THEMES.length]}));
    byId('footer').textContent = `Made by ${model.made}; the page loads nothing else.`;
    window.addEventListener('hashchange', () => this.readFragment());
    for (const event of ['resize', 'beforeprint', 'afterprint'])
      window.addEventListener(event, () => this.onSize());
    document.addEventListener('keydown', event => this.onKey(event));
  }

  onSize() {
    this.drawFlame();
    if (this.charts)
      this.charts.draw();
  }

  // --- state -----------------------------------------------------------------------------------

  // Takes the state from the fragment. What it does not have, or has wrong, is the default.
  readFragment() {
    const given = new URLSearchParams(location.hash.slice(1)), state = {...this.defaults};
    for (const [key, value] of given)
      if (Object.hasOwn(this.defaults, key))
        state[key] = typeof this.defaults[key] === 'boolean' ? value === 'true'
          : typeof this.defaults[key] === 'number' ? Number(value) : value;
    this.repair(state);
    this.setState(state);
  }

  repair(state) {
    const {defaults, model} = this;
    const allowed = {
      type: model.types.map(type => type.type), width: ['change', 'base', 'new'],
      by: [...WORDS.map(([word]) => word), ...model.labelKeys.map(key => `label:${key}`)],
      theme: THEMES,
    };
    for (const [key, values] of Object.entries(allowed))
      if (!values.includes(state[key]))
        state[key] = defaults[key];
    const isDump = (i, least) => Number.isInteger(i) && i >= least && i < model.dumps.length;
    if (!isDump(state.now, 0) || !isDump(state.base, -1) || state.base >= state.now ||
        (model.dumps.length > 1 && !this.course && state.base < 0))
      Object.assign(state, {base: defaults.base, now: defaults.now});
  }

  onState(changes) {
    this.setState({...this.state, ...changes});
    this.writeFragment();
  }

  writeFragment() {
    const changed = new URLSearchParams();
    for (const [key, value] of Object.entries(this.state))
      if (value !== this.defaults[key])
        changed.set(key, value);
    const text = changed.toString();
    history.replaceState(null, '', text ? `#${text}` : location.pathname + location.search);
  }

  setState(state) {
    const before = this.view ? this.state : {};
    const differs = (...keys) => keys.some(key => state[key] !== before[key]);
    this.state = state;
    naming.isFull = state.full;
    if (differs('theme'))
      this.drawTheme();
    if (differs('type', 'base', 'now'))
      this.measure();
    if (differs('type', 'base', 'now', 'by'))
      this.makeKeys();
    if (differs('type', 'base', 'now', 'by', 'invert'))
      this.makeView();
    if (differs('type', 'base', 'now', 'full'))
      this.story.draw(this);
    if (this.charts && differs('type', 'base', 'now', 'by', 'full'))
      this.charts.draw();
    if (differs('type', 'base', 'now', 'by', 'sort', 'descends', 'filter', 'full'))
      this.drawTable();
    if (differs('type', 'base', 'now', 'by', 'invert', 'width', 'zoom', 'search', 'full'))
      this.drawFlame();
    this.drawControls();
  }

  // Whether a base is compared with the new dump.
  get isDiff() {
    return this.state.base >= 0;
  }

  get typeNumber() {
    return this.model.types.findIndex(type => type.type === this.state.type);
  }

  // Formats a value of the sample type that is shown.
  format(value) {
    return formatValue(value, this.sides.isBytes);
  }

  get label() {
    return this.state.by.startsWith('label:') ? this.state.by.slice('label:'.length) : '';
  }

  // --- what follows from the state ---------------------------------------------------------------

  measure() {
    const {base, now} = this.state;
    this.measures = this.model.measures(this.model.records, this.typeNumber, base, now);
    this.sides = this.model.sides(this.typeNumber, base, now);
  }

  makeKeys() {
    const {model, state} = this;
    this.keys = new Keys(model, this.label ? 'function' : state.by);
    this.rows = makeRows(model, this.keys, this.typeNumber, state.base, state.now, this.measures);
    if (this.course)
      this.followRows();
  }

  // Adds to the rows of a series how they grow, and how long their blocks live.
  followRows() {
    const {course, model, state} = this;
    const allocated = model.types.findIndex(
      type => type.type === state.type.replace(/^inuse_/, 'alloc_') && type.type !== state.type);
    const lifetimes = allocated >= 0 && this.isDiff && course.hasTime
      ? course.lifetimes(this.keys, this.typeNumber, allocated, state.base, state.now) : [];
    const hasTrend = model.trend && model.trend.type === state.type && this.keys.by === 'function';
    for (const row of this.rows) {
      row.lifetime = lifetimes[row.key];
      row.trend = hasTrend ? course.trendOf(row) : undefined;
    }
  }

  makeView() {
    const {model, state} = this;
    this.view = new View(model, this.keys, this.measures,
                         {invert: state.invert, label: this.label, sides: this.sides});
    this.total = this.view.change(0, this.sides);
    this.libraries = this.rankLibraries();
    this.marks = this.isDiff ? this.markNodes() : [];
  }

  // Returns the rank of each library by what it holds in the view.
  rankLibraries() {
    const sizes = new Map(), {view} = this;
    for (let node = 1; node < view.parents.length; node++) {
      const library = view.library(node);
      sizes.set(library, (sizes.get(library) || 0) + view.widths.new[node]);
    }
    sizes.delete('');
    return new Map([...sizes].sort((a, b) => b[1] - a[1]).map(([name], i) => [name, i]));
  }

  markNodes() {
    const n = this.view.parents.length, p = [];
    for (let node = 0; node < n; node++)
      p.push(this.view.change(node, this.sides).pTwoSided);
    return markSignificant(p, this.model.confidence);
  }

  neighbours(key) {
    const {base, now} = this.state;
    return findNeighbours(this.model, this.keys, key, this.typeNumber, base, now, this.measures);
  }

  // Returns the name of the function that a function of a standard library works for, or ''.
  ownerOf(row) {
    const {keys, model} = this, std = new RegExp(model.stdNames);
    if (!model.stdNames || keys.by !== 'function' || !std.test(row.name))
      return '';
    const key = findOwner(model, keys, row.key, std, this.measures);
    return key < 0 || keys.isSmall(key) ? '' : keys.names[key];
  }

  get zoom() {
    return this.view.find(this.state.zoom);
  }

  zoomTo(node) {
    this.onState({zoom: this.view.path(node)});
  }

  // --- search ------------------------------------------------------------------------------------

  // Returns the nodes whose name or place matches the search, or null without a search.
  findMatches() {
    const wanted = this.state.search.toLowerCase(), {view} = this;
    if (!wanted)
      return null;
    const found = new Set();
    for (let node = 1; node < view.parents.length; node++)
      if (view.name(node).toLowerCase().includes(wanted) ||
          view.place(node).toLowerCase().includes(wanted))
        found.add(node);
    return found;
  }

  // Returns the change of all matches together. What is below a match is part of it.
  sumOfMatches(matches) {
    const sum = new Float64Array(MEASURE), {view} = this, isBelow = new Uint8Array(view.parents.length);
    for (let node = 1; node < view.parents.length; node++) {
      isBelow[node] = isBelow[view.parents[node]];
      if (matches.has(node) && !isBelow[node]) {
        addMeasure(sum, 0, view.measures, node * MEASURE);
        isBelow[node] = 1;
      }
    }
    return new Change(sum, 0, this.sides);
  }

  drawSummary(matches) {
    const {isDiff, total} = this, {isBytes} = this.sides;
    if (!matches) {
      byId('summary').textContent = isDiff
        ? `Total ${formatChange(total.shown, isBytes)}, ${formatBounds(total, false)}`
        : `Total ${this.format(total.new)}, ${formatBounds(total, true)}`;
      return;
    }
    const sum = this.sumOfMatches(matches);
    byId('summary').textContent = `“${this.state.search}”: ${matches.size} matches, ` + (isDiff
      ? `${formatChange(sum.shown, isBytes)}, ${formatBounds(sum, false)}`
      : `${this.format(sum.new)} ${formatShare(sum.new, total.new)}, ` +
        formatBounds(sum, true));
  }

  // --- drawing -----------------------------------------------------------------------------------

  // The first table is drawn after the first picture, which is then earlier. Scripts of a page that
  // nobody sees get no picture.
  drawTable() {
    if (this.isDrawn || document.hidden) {
      this.isDrawn = true;
      this.table.draw();
    } else {
      requestAnimationFrame(() => setTimeout(() => {
        this.isDrawn = true;
        this.table.draw();
      }));
    }
  }

  drawFlame() {
    if (!this.view)
      return;
    const matches = this.findMatches();
    this.drawSummary(matches);
    this.flame.draw(this.view, {
      sides: this.sides, isDiff: this.isDiff, marks: this.marks, matches, zoom: this.zoom,
      width: this.width, libraries: this.libraries,
    });
    this.drawPath();
    this.drawLegend();
  }

  // By what boxes are wide. If nothing changed, they show what there is.
  get width() {
    const {isDiff, state, view} = this;
    return isDiff && view.widths[state.width][0] > 0 ? state.width : 'new';
  }

  drawPath() {
    const {view, zoom} = this;
    byId('path').replaceChildren(...(zoom === 0 ? [] : [
      element('button', {type: 'button', onclick: () => this.zoomTo(0)}, 'Zoom out'),
      ` ${cutName(shortName(view.name(zoom)))}`]));
  }

  drawLegend() {
    const swatch = (colour, text) => element(
      'span', {class: 'item'}, element('span', {class: `swatch ${colour}`}), ` ${text}`);
    const items = this.isDiff
      ? [swatch('up real', '▲ grew, beyond the sampling error'), swatch('up', '▲ grew, may be chance'),
         swatch('down real', '▼ shrank, beyond the sampling error'),
         swatch('down', '▼ shrank, may be chance')]
      : [...this.libraries].slice(0, COLOURS).map(([name, i]) => swatch(
        `library${i}`, i === COLOURS - 1 && this.libraries.size > COLOURS ? 'others' : name));
    byId('legend').replaceChildren(...items);
  }

  drawTheme() {
    document.documentElement.dataset.theme = this.state.theme;
    byId('theme').textContent = `Colours: ${this.state.theme}`;
  }

  makeControls() {
    const select = (key, label, options) => {
      const made = element('select', {id: `control-${key}`,
                                      onchange: () => this.onState({[key]: made.value, zoom: ''})},
                           ...options.map(([value, text]) => element('option', {value}, text)));
      return element('label', {}, `${label} `, made);
    };
    const checkbox = (key, label, also) => {
      const made = element('input', {id: `control-${key}`, type: 'checkbox',
                                     onchange: () => this.onState({[key]: made.checked, ...also})});
      return element('label', {}, made, ` ${label}`);
    };
    const {model} = this;
    const search = element('input', {id: 'control-search', type: 'search', placeholder: 'name or file',
                                     oninput: () => this.onState({search: search.value})});
    byId('controls').replaceChildren(
      select('type', 'Values', model.types.map(type => [type.type, type.type])),
      select('by', 'By', [...WORDS, ...model.labelKeys.map(key => [`label:${key}`, `label ${key}`])]),
      model.dumps.length > 1 ? select('width', 'Width', [['change', 'change'], ['new', 'new'], ['base', 'base']])
                  : '',
      checkbox('invert', 'Callers first', {zoom: ''}),
      model.short.length ? checkbox('full', 'Full names', {}) : '',
      element('label', {}, 'Search ', search));
  }

  drawControls() {
    for (const key of ['type', 'by', 'width', 'search']) {
      const control = byId(`control-${key}`);
      if (control && control.value !== this.state[key])
        control.value = this.state[key];
    }
    for (const key of ['invert', 'full'])
      if (byId(`control-${key}`))
        byId(`control-${key}`).checked = this.state[key];
  }

  // "/" leads to the search.
  onKey(event) {
    if (event.key !== '/' || /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName))
      return;
    byId('control-search').focus();
    event.preventDefault();
  }
}

function start() {
  const model = new Model(JSON.parse(byId('data').textContent));
  if (!model.types.length)
    return;
  const page = new Page(model);
  window.heapprof = page; // for tests, and for whoever looks into it
  page.readFragment();
}

start();
