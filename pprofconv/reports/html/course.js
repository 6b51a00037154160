// The course of a series: what each function holds in each dump, since when it grows, and how long
// blocks live.

const MINUTE = 60000; // milliseconds

class Course {
  constructor(model) {
    const {dumps} = model, times = dumps.map(dump => dump.time);
    this.model = model;
    this.n = dumps.length;
    this.hasTime = times.every((time, i) => time && (i === 0 || time > times[i - 1]));
    this.times = this.hasTime ? times : dumps.map((_, i) => i);
    // A program that frees its memory at its end has dumps after which no growth is judged.
    this.nJudged = model.trend ? model.trend.total.judged : this.n;
    this.trends = new Map((model.trend ? model.trend.rows : []).map(
      row => [`${row.name}\0${row.file}`, row]));
  }

  trendOf(row) {
    return this.trends.get(`${row.name}\0${row.place}`);
  }

  // Returns what each key holds itself: for each key a number per dump.
  flat(keys, type) {
    const {model, n} = this, {records, restFlat} = model, values = [];
    const add = (key, part, record) => {
      const own = values[key] ?? (values[key] = new Float64Array(n));
      for (let dump = 0; dump < n; dump++)
        own[dump] += model.valueOf(part, record, type, dump);
    };
    const skipsSmall = keys.by === 'function'; // merged stacks are known by function
    records.nodes.forEach((node, record) => {
      const key = keys.of[model.frameOf[node]];
      if (!skipsSmall || !keys.isSmall(key))
        add(key, records, record);
    });
    if (skipsSmall) {
      const keyOf = keyOfFunctions(model, keys);
      restFlat.functions.forEach((number, i) => add(keyOf.get(number), restFlat, i));
    }
    return values;
  }

  // Returns the dump from which on values grow: the one at which a level that turns into a line fits
  // them best.
  findOnset(values) {
    const n = this.nJudged, {times} = this;
    let best = 0, least = Infinity;
    for (let k = 0; k + 1 < n; k++) {
      const x = times.slice(0, n).map(time => Math.max(0, time - times[k]));
      const meanX = x.reduce((a, b) => a + b) / n, y = values.slice(0, n);
      const meanY = y.reduce((a, b) => a + b) / n;
      let xx = 0, xy = 0, yy = 0;
      for (let i = 0; i < n; i++) {
        xx += (x[i] - meanX) ** 2;
        xy += (x[i] - meanX) * (y[i] - meanY);
        yy += (y[i] - meanY) ** 2;
      }
      const error = yy - xy * xy / xx;
      if (error < least * (1 - 1e-9)) {
        least = error;
        best = k;
      }
    }
    return best;
  }

  // Returns the dumps between which values rise: the last with hardly any of the growth, and the first
  // with nearly all of it.
  findRise(values) {
    const judged = values.slice(0, this.nJudged), last = judged[judged.length - 1];
    const reaches = part => judged.findIndex(value => value >= judged[0] + part * (last - judged[0]));
    return [Math.max(0, reaches(0.1) - 1), reaches(0.9)];
  }

  describeDump(dump) {
    return `dump ${dump + 1} of ${this.n}` +
      (this.hasTime && dump ? ` (+${formatSpan(this.times[dump] - this.times[0])})` : '');
  }

  // Returns how much is allocated in a second, or from dump to dump, before each dump; NaN for the
  // first.
  allocatedRates() {
    const {model} = this, type = model.types.findIndex(t => t.type === 'alloc_space');
    const totals = model.dumps.map((dump, i) => {
      const known = number(dump, 'allocated_bytes');
      return Number.isNaN(known) && type >= 0 ? model.total(type, i) : known;
    });
    return totals.map((total, i) => i === 0 ? NaN : Math.max(0, total - totals[i - 1]) /
      (this.hasTime ? (this.times[i] - this.times[i - 1]) / 1000 : 1));
  }

  // Returns for each key how long its blocks live on average, in milliseconds, by Little's law: what
  // is in use divided by what is allocated per time. Infinite: nothing was allocated.
  lifetimes(keys, inuse, allocated, base, now) {
    const held = this.flat(keys, inuse), rates = this.flat(keys, allocated);
    return held.map((values, key) => {
      const mean = values.slice(base, now + 1).reduce((a, b) => a + b) / (now + 1 - base);
      const total = rates[key] ? rates[key][now] : 0, more = rates[key] ? total - rates[key][base] : 0;
      const sum = Math.abs(more) > Math.max(ROUNDED * total, ROUNDED_BYTE) ? more : 0;
      return mean > 0 && sum >= 0 ? mean * (this.times[now] - this.times[base]) / sum : NaN;
    });
  }

  // Formats a slope, which is by hour or by dump, for a time that the series has.
  formatSlope(slope, isBytes) {
    if (!this.model.trend.hasTime)
      return `${formatChange(slope, isBytes)}/dump`;
    const span = this.times[this.n - 1] - this.times[0];
    const [hours, unit] = span < 2 * MINUTE ? [1 / 3600, 's']
      : span < 120 * MINUTE ? [1 / 60, 'min'] : [1, 'h'];
    return `${formatChange(slope * hours, isBytes)}/${unit}`;
  }

  formatVerdict({verdict, slope}, isBytes) {
    return verdict === 'steady' ? verdict : `${verdict} ${this.formatSlope(slope, isBytes)}`;
  }
}
