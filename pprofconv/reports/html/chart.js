// Charts of a series, as SVG, and the sliders that choose its base and new dump.

const CHART_HEIGHT = 130, CHART_LEFT = 74, CHART_RIGHT = 10, CHART_TOP = 8, CHART_BOTTOM = 22;
const STACKED = 7; // functions in the stacked chart, the last of them all others

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes))
    made.setAttribute(key, value);
  made.append(...children);
  return made;
}

class Charts {
  constructor(place, page) {
    Object.assign(this, {place, page, course: page.course});
    this.base = this.slider('base', -1);
    this.now = this.slider('now', 0);
    this.charts = element('div', {class: 'charts'});
    place.hidden = false;
    place.replaceChildren(
      element('h2', {}, 'Over time'), this.charts,
      element('div', {id: 'sliders', role: 'group', 'aria-label': 'Dumps that are compared'},
              this.base.label, this.now.label));
  }

  slider(key, least) {
    const input = element('input', {
      id: `control-${key}`, type: 'range', min: least, max: this.course.n - 1, step: 1,
      oninput: () => this.choose(key, Number(input.value)),
    });
    const text = element('span', {class: 'note'});
    const name = key === 'base' ? 'Base' : 'New';
    return {input, text, label: element('label', {}, element('b', {}, `${name} `), input, text)};
  }

  // Sets the base or the new dump. The base is always before the new dump.
  choose(key, value) {
    let {base, now} = {...this.page.state, [key]: value};
    if (base >= now)
      [base, now] = key === 'base' ? [base, Math.min(base + 1, this.course.n - 1)] : [now - 1, now];
    this.page.onState({base: Math.min(base, now - 1), now, zoom: ''});
  }

  draw() {
    const {state, model} = this.page, names = ['base', 'now'];
    for (const key of names) {
      this[key].input.value = state[key];
      const text = state[key] < 0 ? 'nothing: shows the new dump alone'
        : `${this.course.describeDump(state[key])}, ${lastPart(model.dumps[state[key]].name)}`;
      this[key].text.textContent = text;
      this[key].input.setAttribute('aria-valuetext', text);
    }
    this.charts.replaceChildren(...this.makeCharts());
  }

  makeCharts() {
    const {course, page} = this, {model} = page, inuse = model.types.findIndex(t => t.type === 'inuse_space');
    const values = key => model.dumps.map(dump => number(dump, key));
    const lines = [['resident memory', values('rss_bytes'), 'line1'],
                   ['in use', inuse < 0 ? [] : model.dumps.map((_, i) => model.total(inuse, i)),
                    'line0']]
      .filter(([, list]) => list.some(value => !Number.isNaN(value)));
    const rates = course.allocatedRates(), charts = [];
    if (lines.length)
      charts.push(this.lineChart('Memory', lines, true));
    charts.push(this.stackedChart());
    if (rates.some(rate => !Number.isNaN(rate)))
      charts.push(this.lineChart(`Allocated per ${course.hasTime ? 'second' : 'dump'}`,
                                 [['allocated', rates, 'line2']], true));
    return charts.filter(chart => chart);
  }

  // --- parts -----------------------------------------------------------------------------------

  get width() {
    const own = this.charts.clientWidth || 600;
    const n = own > 1100 ? 3 : own > 700 ? 2 : 1; // charts side by side
    return Math.floor((own - 24 * (n - 1)) / n);
  }

  x(dump) {
    const {times, n} = this.course, span = times[n - 1] - times[0] || 1;
    return CHART_LEFT + (this.width - CHART_LEFT - CHART_RIGHT) * (times[dump] - times[0]) / span;
  }

  y(value, highest) {
    return CHART_TOP + CHART_HEIGHT * (1 - (highest ? Math.max(0, value) / highest : 0));
  }

  frame(title, legend, highest, isBytes, shapes, describe) {
    const {state} = this.page, {course} = this, {width} = this;
    const ticks = [0, highest / 2, highest].map(value => svg('text', {
      x: CHART_LEFT - 6, y: this.y(value, highest) + 4, 'text-anchor': 'end',
    }, formatValue(value, isBytes)));
    const lines = [0, highest / 2, highest].map(value => svg('line', {
      class: 'grid', x1: CHART_LEFT, x2: width - CHART_RIGHT,
      y1: this.y(value, highest), y2: this.y(value, highest)}));
    const marks = [state.base, state.now].filter(dump => dump >= 0).map(dump => svg('line', {
      class: 'selected', x1: this.x(dump), x2: this.x(dump), y1: CHART_TOP,
      y2: CHART_TOP + CHART_HEIGHT}));
    const span = course.times[course.n - 1] - course.times[0];
    const ends = [[0, 'start', course.hasTime ? formatTime(course.times[0]).slice(11, 19) : 'dump 1'],
                  [course.n - 1, 'end', course.hasTime ? `+${formatSpan(span)}` : `dump ${course.n}`]]
      .map(([dump, anchor, text]) => svg('text', {
        x: this.x(dump), y: CHART_TOP + CHART_HEIGHT + 16, 'text-anchor': anchor}, text));
    const hovers = course.times.map((_, dump) => this.hover(dump, describe));
    const figure = element('figure', {}, element(
      'figcaption', {}, element('b', {}, title), ...legend), svg('svg', {
        width, height: CHART_TOP + CHART_HEIGHT + CHART_BOTTOM, role: 'img',
        'aria-label': `${title}: ${describe(0)}; at the end ${describe(course.n - 1)}`,
      }, ...lines, ...shapes, ...marks, ...ticks, ...ends, ...hovers));
    figure.style.width = `${width}px`;
    return figure;
  }

  // A band around a dump, which says what was at that time and, clicked, makes it the new dump.
  hover(dump, describe) {
    const left = dump > 0 ? (this.x(dump) + this.x(dump - 1)) / 2 : this.x(0);
    const right = dump + 1 < this.course.n ? (this.x(dump) + this.x(dump + 1)) / 2 : this.x(dump);
    const band = svg('rect', {class: 'hover', x: left, width: Math.max(1, right - left),
                              y: CHART_TOP, height: CHART_HEIGHT},
                     svg('title', {}, `${this.course.describeDump(dump)}\n${describe(dump)}`));
    band.addEventListener('click', () => this.choose('now', dump));
    return band;
  }

  lineChart(title, lines, isBytes) {
    const highest = Math.max(...lines.flatMap(([, values]) => values.filter(v => !Number.isNaN(v))));
    const shapes = lines.map(([, values, style]) => svg('polyline', {
      class: style, points: values.map((value, i) => Number.isNaN(value)
        ? '' : `${this.x(i).toFixed(1)},${this.y(value, highest).toFixed(1)}`).join(' ')}));
    const legend = lines.map(([name, , style]) => element(
      'span', {class: 'item'}, svg('svg', {width: 22, height: 10},
                                   svg('line', {class: style, x1: 1, x2: 21, y1: 5, y2: 5})),
      ` ${name}`));
    return this.frame(title, legend, highest, isBytes, shapes, dump => lines.map(
      ([name, values]) => `${name} ${formatValue(values[dump] || 0, isBytes)}`).join(', '));
  }

  // Chooses the functions that changed most, then those that hold most; adds up the others.
  stack() {
    const {page, course} = this, all = course.flat(page.keys, page.typeNumber);
    const range = values => Math.max(...values) - Math.min(...values) + Math.max(...values) / 8;
    const ranked = [...all.keys()].filter(key => all[key] && all[key].some(value => value))
      .sort((a, b) => range(all[b]) - range(all[a]));
    const highest = all.reduce((most, values) => Math.max(most, Math.max(...values)), 0);
    const isSeen = key => Math.max(...all[key]) > highest / 100;
    ranked.sort((a, b) => isSeen(b) - isSeen(a)); // keeps the order otherwise
    const nSeen = ranked.filter(isSeen).length;
    const n = nSeen <= STACKED && nSeen === ranked.length ? nSeen : Math.min(STACKED - 1, nSeen);
    const layers = ranked.slice(0, n).map(key => [page.keys.names[key], all[key]]);
    const rest = ranked.slice(n);
    if (rest.length)
      layers.push([`${rest.length} ${rest.length > 1 ? 'others' : 'other'}`, rest.reduce(
        (sum, key) => sum.map((value, i) => value + all[key][i]), new Float64Array(course.n))]);
    return layers;
  }

  stackedChart() {
    const layers = this.stack(), {isBytes} = this.page.sides, n = this.course.n;
    if (!layers.length)
      return null;
    const below = new Float64Array(n), edges = layers.map(([, values]) => {
      const from = below.slice();
      values.forEach((value, i) => { below[i] += Math.max(0, value); });
      return [from, below.slice()];
    });
    const highest = Math.max(...below);
    const point = (values, i) => `${this.x(i).toFixed(1)},${this.y(values[i], highest).toFixed(1)}`;
    const order = Array.from({length: n}, (_, i) => i);
    const shapes = edges.map(([from, to], i) => svg('polygon', {
      class: `area library${i}`,
      points: [...order.map(j => point(to, j)), ...order.reverse().map(j => point(from, j))].join(' ')},
      svg('title', {}, layers[i][0])));
    const legend = layers.map(([name], i) => element(
      'span', {class: 'item', title: name}, element('span', {class: `swatch library${i}`}),
      ` ${cutName(shortName(name), 26)}`));
    return this.frame(`${this.page.state.type} by ${this.page.keys.by}, flat`, legend, highest, isBytes,
                      shapes, dump => layers.map(([name, values]) =>
                        `${shortName(name)} ${formatValue(values[dump], isBytes)}`).join(', '));
  }
}
