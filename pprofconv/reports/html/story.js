// The story: what the page is about, in a few numbers and sentences.

const number = (dump, key) => dump[key] && dump[key].length === 1 ? Number(dump[key][0]) : NaN;

function tile(name, value, ...notes) {
  return element('div', {class: 'tile'}, element('dt', {}, name), element('dd', {}, value),
                 ...notes.filter(note => note).map(note => element('dd', {class: 'note'}, note)));
}

class Story {
  constructor(model, place) {
    Object.assign(this, {model, place});
  }

  findType(type) {
    return this.model.types.findIndex(t => t.type === type);
  }

  // Returns the change of a type's total.
  total(type, base, now) {
    const sums = new Float64Array(MEASURE), {records} = this.model;
    const measures = this.model.measures(records, type, base, now);
    for (let i = 0; i < measures.length; i += MEASURE)
      addMeasure(sums, 0, measures, i);
    return new Change(sums, 0, this.model.sides(type, base, now));
  }

  interval(dump) {
    const {period} = dump;
    return period > 1 ? `a sample per ${formatValue(period, true).replace('.00', '')}`
      : period === 1 ? 'every allocation' : 'unknown';
  }

  tileOfType(name, type, base, now) {
    const at = this.findType(type);
    if (at < 0)
      return [];
    const change = this.total(at, base, now), {isBytes} = change.sides, isDiff = base >= 0;
    const value = isDiff ? formatChange(change.shown, isBytes)
                         : formatValue(change.new, isBytes);
    const bounds = change.isExact ? 'exact' : formatBounds(change, !isDiff);
    const sides = isDiff ? `${formatValue(change.base, isBytes)} → ` +
      `${formatValue(change.new, isBytes)}` : '';
    return [tile(name, value, sides, bounds)];
  }

  tileOfNumber(name, key, base, now) {
    const value = number(this.model.dumps[now], key);
    const before = base >= 0 ? number(this.model.dumps[base], key) : NaN;
    if (Number.isNaN(value))
      return [];
    return Number.isNaN(before)
      ? [tile(name, formatValue(value, true))]
      : [tile(name, formatChange(value - before, true),
              `${formatValue(before, true)} → ${formatValue(value, true)}`)];
  }

  tiles(base, now) {
    const dump = this.model.dumps[now], isDiff = base >= 0, what = isDiff ? 'In use grew by' : 'In use';
    return element('dl', {class: 'tiles'},
                   ...this.tileOfType(what, 'inuse_space', base, now),
                   ...this.tileOfType('Blocks in use', 'inuse_objects', base, now),
                   ...this.tileOfNumber('Resident memory', 'rss_bytes', base, now),
                   ...this.tileOfNumber('Allocated', 'allocated_bytes', base, now),
                   tile('Recording', this.interval(dump)));
  }

  // Describes a dump: its program, process, time and reason.
  describe(dump) {
    const facts = [lastPart(dump.name)];
    for (const [name, key] of [['pid ', 'pid'], ['dump ', 'dump'], ['written: ', 'reason']])
      if (dump[key])
        facts.push(name + dump[key].join(', '));
    if (dump.time)
      facts.push(formatTime(dump.time));
    return facts.join(' · ');
  }

  sentences(page) {
    if (page.course && this.model.trend)
      return this.sentencesOfSeries(page);
    return page.isDiff ? this.sentencesOfDiff(page) : this.sentencesOfProfile(page);
  }

  // Names a row. What a container of a standard library holds is its caller's.
  name(row, page) {
    const place = row.place ? element('span', {class: 'place', title: row.place},
                                      cutPath(row.place)) : '';
    const owner = row.key === undefined ? '' : page.ownerOf(row);
    return [element('b', {title: row.name}, cutName(shortName(row.name))), place ? ' ' : '', place,
            ...(owner ? [', called by ', element('b', {title: owner}, cutName(shortName(owner)))] : [])];
  }

  sentencesOfProfile(page) {
    const {sides, total} = page, rows = page.rows.filter(row => !row.isSmall);
    const most = rows.reduce(
      (best, row) => !best || row.flat.new > best.flat.new ? row : best, null);
    if (!most || most.flat.new <= 0)
      return [element('p', {class: 'finding'}, 'There is nothing to show.')];
    const {flat} = most;
    const bounds = flat.isExact ? '' : `, ${formatBounds(flat, true)},`;
    return [element('p', {class: 'finding'}, ...this.name(most, page),
                    ` holds the most itself: ${formatValue(flat.new, sides.isBytes)}${bounds || ','} ` +
                    `${formatShare(flat.new, total.new)} of all.`)];
  }

  sentencesOfDiff(page) {
    const {rows, sides, total, model} = page;
    const up = rows.filter(row => row.isReal && row.flat.shown > 0)
      .sort((a, b) => b.flat.shown - a.flat.shown);
    const down = rows.filter(row => row.isReal && row.flat.shown < 0);
    const isReal = total.pTwoSided < 1 - model.confidence;
    const first = (total.shown === 0 ? 'The total is the same' :
      `The total ${total.shown > 0 ? 'grew' : 'shrank'} by ` +
      `${formatValue(Math.abs(total.shown), sides.isBytes)} (${formatBounds(total, false)})`) +
      `${isReal || total.shown === 0 ? '' : ', which is within the sampling error'}. `;
    const second = up.length || down.length
      ? `Beyond the sampling error ${up.length} grew and ${down.length} shrank.`
      : 'No function changed beyond the sampling error.';
    const list = up.slice(0, 3).map(row => element(
      'li', {}, ...this.name(row, page), this.amount(row, sides.isBytes)));
    return [element('p', {class: 'finding'}, first + second),
            list.length ? element('ul', {class: 'finding'}, ...list) : ''];
  }

  // Describes which functions grow, by how much, and since when.
  sentencesOfSeries(page) {
    const {model} = this, {course} = page, {rows, total} = model.trend;
    const isBytes = model.types[this.findType(model.trend.type)].isBytes;
    const growing = rows.filter(row => row.verdict === 'grows');
    const first = `Over ${course.n} dumps` +
      (course.hasTime ? ` and ${formatSpan(course.times[course.n - 1] - course.times[0])}` : '') +
      ` the total ${this.verdict(total, isBytes, course)}. `;
    const second = growing.length
      ? `${growing.length} ${growing.length > 1 ? 'functions grow' : 'function grows'}:`
      : 'No function keeps growing for sure.';
    const nLeft = course.n - course.nJudged;
    const left = nLeft > 0
      ? `The last ${nLeft > 1 ? `${nLeft} dumps are` : 'dump is'} left out: the program freed its memory. ` : '';
    return [element('p', {class: 'finding'}, first + left + second),
            growing.length ? element('ul', {class: 'finding'}, ...growing.slice(0, 3).map(
              trend => this.growth(page, trend, isBytes))) : '',
            ...this.sentencesOfStays(page, rows.filter(row => row.verdict === 'grew, then stays'))];
  }

  // Describes which functions grew and then stayed, as a cache does, and when.
  sentencesOfStays(page, trends) {
    const {course} = page, {isBytes} = page.sides;
    const list = trends.map(trend => this.rowOf(page, trend))
      .filter(row => row && page.isDiff && row.isReal && row.flat.shown > 0)
      .sort((a, b) => b.flat.shown - a.flat.shown);
    const describe = row => {
      const [from, to] = course.findRise(course.flat(page.keys, page.typeNumber)[row.key]);
      return element('li', {}, ...this.name(row, page), `${this.amount(row, isBytes)} between ` +
                     `${course.describeDump(from)} and ${course.describeDump(to)}`);
    };
    return list.length === 0 ? [] : [
      element('p', {class: 'finding'}, `${list.length} grew and then ` +
              `${list.length > 1 ? 'stay' : 'stays'}:`),
      element('ul', {class: 'finding'}, ...list.slice(0, 3).map(describe))];
  }

  // Returns the row of the table that a trend is about, if there is one.
  rowOf(page, trend) {
    return page.keys.by === 'function' && page.state.type === this.model.trend.type
      ? page.rows.find(row => row.name === trend.name && row.place === trend.file) : undefined;
  }

  amount(row, isBytes) {
    return ` ${formatChange(row.flat.shown, isBytes)} (${formatBounds(row.flat, false)})`;
  }

  verdict(trend, isBytes, course) {
    const slope = course.formatSlope(trend.slope, isBytes);
    switch (trend.verdict) {
    case 'grows':
    case 'shrinks':
      return `${trend.verdict} by ${slope.replace(/^[+−]/, '')}`;
    case 'not sure':
      return `may grow, which is not sure, by ${slope}`;
    case 'steady':
      return 'is steady';
    default:
      return trend.verdict;
    }
  }

  growth(page, trend, isBytes) {
    const {course, model} = page, keys = new Keys(model, 'function');
    const key = keys.find(trend.name, trend.file);
    const values = course.flat(keys, this.findType(model.trend.type))[key];
    const onset = values ? course.findOnset(values) : 0;
    const row = this.rowOf(page, trend);
    const amount = row && page.isDiff
      ? `;${this.amount(row, isBytes)} from dump ${page.state.base + 1} to dump ${page.state.now + 1}` : '';
    return element('li', {}, ...this.name(row || {name: trend.name, place: trend.file}, page),
                   ` by ${course.formatSlope(trend.slope, isBytes).replace('+', '')}, since ` +
                   (onset ? course.describeDump(onset) : 'the first dump') + amount);
  }

  draw(page) {
    const {model} = this, {base, now} = page.state, dumps = model.dumps;
    const warnings = model.warnings.map(text => element('p', {class: 'warning'}, `⚠ ${text}`));
    const dump = dumps[now];
    byId('title').textContent = dump.program ? dump.program.map(lastPart).join(', ')
                                             : lastPart(dump.name);
    this.place.replaceChildren(
      base >= 0 ? element('p', {class: 'note'}, `base: ${this.describe(dumps[base])}`) : '',
      element('p', {class: 'note'}, (base >= 0 ? 'new: ' : '') + this.describe(dump)),
      ...this.sentences(page), ...warnings, this.tiles(base, now),
      model.small ? element('p', {class: 'note'}, this.describeSmall()) : '');
  }

  // Says what the page does not show by itself, and why.
  describeSmall() {
    const {model} = this, percent = part => `${+(100 * part).toPrecision(2)} %`;
    const functions = model.smallFunctions
      ? `, and ${groupDigits(String(model.smallFunctions))} functions with less than ` +
        `${percent(model.functionThreshold)} into “(N small functions)”` : '';
    return `${groupDigits(String(model.small))} stacks that hold less than ` +
      `${percent(model.threshold)} of every total each are merged into “(N small)”${functions}. ` +
      'The other rows of the table by function are exact all the same. --all keeps everything.';
  }
}
