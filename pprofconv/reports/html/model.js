// The model: what the data hold, and estimates for each record.

// Reads a column of records: for each record a number per dump, as differences.
function readColumn(text, nDumps) {
  const parts = text === '' ? [''] : text.split(',');
  const numbers = new Float64Array(parts.length);
  for (let i = 0; i < parts.length; i++)
    numbers[i] = (i % nDumps ? numbers[i - 1] : 0) + (parts[i] === '' ? 0 : Number(parts[i]));
  return numbers;
}

class Model {
  constructor(data) {
    Object.assign(this, data);
    const nNodes = data.nodes.length / 2 + 1;
    this.parents = new Int32Array(nNodes);
    this.frameOf = new Int32Array(nNodes);
    for (let i = 1; i < nNodes; i++) {
      this.parents[i] = i - data.nodes[2 * i - 2];
      this.frameOf[i] = data.nodes[2 * i - 1];
    }
    let node = 0; // those of the records are differences
    this.records.nodes = this.records.nodes.map(more => (node += more));
    this.mergedTo = new Map();
    for (let i = 0; i < data.merged.length; i += 2)
      this.mergedTo.set(data.merged[i], data.merged[i + 1]);
    this.nFrames = data.frames.length / 4;
    for (const part of [this.records, this.restFlat, this.restCumulative])
      part.columns = part.columns.map(text => readColumn(text, this.dumps.length));
    this.labelKeys = this.findLabelKeys();
    for (const [number, text] of data.short)
      naming.shorter.set(this.strings[number], text);
  }

  string(number) {
    return this.strings[number];
  }

  functionOf(frame) {
    return this.frames[4 * frame];
  }

  lineOf(frame) {
    return this.frames[4 * frame + 1];
  }

  libraryOf(frame) {
    return this.strings[this.frames[4 * frame + 2]];
  }

  isInlined(frame) {
    return this.frames[4 * frame + 3] === 1;
  }

  functionName(number) {
    return this.strings[this.functions[2 * number]];
  }

  functionFile(number) {
    return this.strings[this.functions[2 * number + 1]];
  }

  findLabelKeys() {
    const keys = new Set();
    for (const set of this.labels)
      for (let i = 0; i < set.length; i += 2)
        keys.add(this.strings[set[i]]);
    return [...keys].sort();
  }

  // Returns the value of a record's label, or '(none)'.
  labelOf(record, key) {
    const set = this.records.labels.length ? this.labels[this.records.labels[record]] : [];
    for (let i = 0; i < set.length; i += 2)
      if (this.strings[set[i]] === key)
        return this.strings[set[i + 1]];
    return '(none)';
  }

  isOneRun(base, now) {
    const a = this.dumps[base], b = this.dumps[now];
    return a.run && b.run && a.run.length === 1 && b.run.length === 1 &&
      a.run[0] === b.run[0] && a.period === b.period && !this.records.interval.length;
  }

  isSampled(dump, type) {
    return this.dumps[dump].interval > 1 && this.types[type].bytes >= 0;
  }

  // Returns what Change needs of both sides; `base` may be -1 for nothing.
  sides(type, base, now) {
    const {isBytes} = this.types[type];
    const unseen = [base, now].map(
      dump => dump >= 0 && isBytes && this.isSampled(dump, type) ? this.dumps[dump].interval : 0);
    return {isBytes, unseen, z: normalQuantile((1 - this.confidence) / 2),
            unseenFactor: -Math.log(1 - this.confidence)};
  }

  // Returns the measures of all records of a part of the data: the records, or a rest.
  measures(part, type, base, now) {
    const n = part.columns[0].length / this.dumps.length;
    const measures = new Float64Array(n * MEASURE);
    const isOneRun = base >= 0 && this.isOneRun(base, now) && this.isSampled(now, type);
    for (let i = 0; i < n; i++) {
      if (base >= 0)
        this.addEstimate(measures, i * MEASURE + BASE, part, i, type, base);
      this.addEstimate(measures, i * MEASURE + NEW, part, i, type, now);
      if (isOneRun)
        this.addShared(measures, i * MEASURE + SHARED, part, i, type, base, now);
    }
    return measures;
  }

  valueOf(part, record, type, dump) {
    return type < 0 ? 0 : part.columns[1 + type][record * this.dumps.length + dump];
  }

  // Returns bytes per object, or 0 if there are fewer objects than `least`.
  ratio(part, record, type, dump, least) {
    const {bytes, objects} = this.types[type], n = this.valueOf(part, record, objects, dump);
    return bytes < 0 || n < least
      ? 0 : Math.max(0, this.valueOf(part, record, bytes, dump) / n);
  }

  // Returns the mean size of a record's blocks, or 0 if it is unknown.
  sizeOf(part, record, type, dump) {
    return this.ratio(part, record, type, dump, 1000) ||
      part.columns[0][record * this.dumps.length + dump] ||
      this.ratio(part, record, type, dump, 1);
  }

  intervalOf(part, record, dump) {
    return (part.interval && part.interval[record]) || this.dumps[dump].interval;
  }

  // Returns how many samples a record counts.
  count(part, record, type, dump) {
    return countSamples(this.valueOf(part, record, this.types[type].bytes, dump),
                        this.sizeOf(part, record, type, dump),
                        this.intervalOf(part, record, dump));
  }

  addEstimate(to, at, part, record, type, dump) {
    const {objects, isBytes} = this.types[type], value = this.valueOf(part, record, type, dump);
    if (this.isSampled(dump, type)) {
      const size = this.sizeOf(part, record, type, dump);
      if (size > 0)
        addSamples(to, at, this.count(part, record, type, dump), size,
                   this.intervalOf(part, record, dump), isBytes);
    } else if (objects >= 0) {
      to[at + COUNT] += Math.abs(this.valueOf(part, record, objects, dump));
    }
    to[at + VALUE] = value;
  }

  // Adds the samples that two dumps of one run share: those in use in the second that were not
  // allocated since the first.
  addShared(to, at, part, record, type, base, now) {
    const all = this.types.findIndex(t => t.type === 'alloc_space');
    const allocated = all < 0 ? type : all;
    const counted = this.count(part, record, type, now);
    const since = this.count(part, record, allocated, now) -
      this.count(part, record, allocated, base);
    const most = Math.min(this.count(part, record, type, base), counted);
    const n = since < -0.5 ? 0 : Math.max(0, Math.min(most, counted - Math.max(0, since)));
    const size = this.sizeOf(part, record, type, now);
    if (n > 0 && size > 0)
      addSamples(to, at, n, size, this.intervalOf(part, record, now), this.types[type].isBytes);
  }

  // Returns the sum of a type in a dump.
  total(type, dump) {
    const column = this.records.columns[1 + type];
    let sum = 0;
    for (let i = dump; i < column.length; i += this.dumps.length)
      sum += column[i];
    return sum;
  }
}
