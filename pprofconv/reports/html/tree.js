// Views of the model: a tree for the flame graph, and rows for the table. What counts as one function
// in a view is a key, which has a name and a place.

const SMALL = -1; // the function of a frame that merged stacks have, and of all small functions

// The keys of all frames by function, line, file or library.
class Keys {
  constructor(model, by) {
    this.model = model;
    this.by = by;
    this.names = [];
    this.places = [];
    this.frames = []; // of each key: one frame
    this.of = new Int32Array(model.nFrames);
    this.collapses = by === 'file' || by === 'library';
    const known = new Map();
    for (let frame = 0; frame < model.nFrames; frame++) {
      const [name, place] = this.describe(frame), id = `${name}\0${place}`;
      if (!known.has(id)) {
        known.set(id, this.names.length);
        this.names.push(name);
        this.places.push(place);
        this.frames.push(frame);
      }
      this.of[frame] = known.get(id);
    }
  }

  describe(frame) {
    const {model} = this, number = model.functionOf(frame);
    if (number === SMALL)
      return [model.smallFunctions ? `(${model.smallFunctions} small functions)` : '(small)', ''];
    const name = model.functionName(number), file = model.functionFile(number);
    const line = model.lineOf(frame);
    switch (this.by) {
    case 'line':
      return [name, line ? `${file}:${line}` : file];
    case 'file':
      return file ? [lastPart(file), file] : [model.libraryOf(frame), ''];
    case 'library':
      return [model.libraryOf(frame), ''];
    default:
      return [name, file];
    }
  }

  // Returns the key with this name and place, or -1.
  find(name, place) {
    return this.names.findIndex((other, key) => other === name && this.places[key] === place);
  }

  isSmall(key) {
    return this.model.functionOf(this.frames[key]) === SMALL;
  }
}

// Returns the sum of the measures of the records of each node.
function sumByNode(model, measures) {
  const sums = new Float64Array(model.parents.length * MEASURE);
  model.records.nodes.forEach(
    (node, record) => addMeasure(sums, node * MEASURE, measures, record * MEASURE));
  return sums;
}

// Returns whether any number of a measure is not 0.
function isUsed(sums, node) {
  for (let i = node * MEASURE; i < (node + 1) * MEASURE; i++)
    if (sums[i] !== 0)
      return true;
  return false;
}

// A tree whose nodes are numbered from the root, 0, so that parents have lower numbers.
class View {
  constructor(model, keys, measures, {invert, label, sides}) {
    this.model = model;
    this.sides = sides;
    this.keys = keys;
    this.parents = [0];
    this.keyOf = [-1];
    this.labelOf = ['all'];
    this.frames = [null];   // of each node: a set of frames
    this.merged = [0];
    this.children = [new Map()];
    this.sums = [];         // of each node: [node of the model, measures, offset]
    this.invert = invert;
    if (label)
      this.addByLabel(measures, label);
    else
      this.addNodes(0, sumByNode(model, measures));
    this.add();
  }

  child(parent, id, key, label) {
    let number = this.children[parent].get(id);
    if (number === undefined) {
      number = this.parents.length;
      this.children[parent].set(id, number);
      this.parents.push(parent);
      this.keyOf.push(key);
      this.labelOf.push(label);
      this.frames.push(new Set());
      this.merged.push(0);
      this.children.push(new Map());
    }
    return number;
  }

  step(at, frame) {
    const key = this.keys.of[frame];
    if (this.keys.collapses && this.keyOf[at] === key)
      return at;
    const to = this.child(at, key, key, null);
    this.frames[to].add(frame);
    return to;
  }

  addByLabel(measures, label) {
    const groups = new Map();
    this.model.records.nodes.forEach((node, record) => {
      const value = this.model.labelOf(record, label);
      if (!groups.has(value))
        groups.set(value, new Float64Array(this.model.parents.length * MEASURE));
      addMeasure(groups.get(value), node * MEASURE, measures, record * MEASURE);
    });
    for (const [value, sums] of groups)
      this.addNodes(this.child(0, `label ${value}`, -1, `${label}: ${value}`), sums);
  }

  // Adds the model's nodes, which have these sums, below a node of this tree.
  addNodes(root, sums) {
    const {parents, frameOf} = this.model, known = new Int32Array(parents.length).fill(-1);
    known[0] = root;
    for (let node = 0; node < parents.length; node++) {
      if (!isUsed(sums, node))
        continue;
      const end = this.invert ? this.addInverted(root, node) : this.addPath(known, node);
      this.sums.push([end, sums, node * MEASURE]);
      if (this.model.mergedTo.has(node))
        this.merged[this.invert ? this.step(root, frameOf[node]) : end] +=
          this.model.mergedTo.get(node);
    }
  }

  addPath(known, node) {
    const path = [];
    for (; known[node] < 0; node = this.model.parents[node])
      path.push(node);
    let at = known[node];
    while (path.length) {
      node = path.pop();
      known[node] = at = this.step(at, this.model.frameOf[node]);
    }
    return at;
  }

  addInverted(at, node) {
    for (; node; node = this.model.parents[node])
      at = this.step(at, this.model.frameOf[node]);
    return at;
  }

  // Adds up the measures, and what a picture needs to show change: the sums of changes up and down
  // without what cancels out.
  add() {
    const n = this.parents.length;
    this.measures = new Float64Array(n * MEASURE);
    this.widths = {change: new Float64Array(n), base: new Float64Array(n), new: new Float64Array(n)};
    for (const [node, sums, at] of this.sums)
      addMeasure(this.measures, node * MEASURE, sums, at);
    for (let node = 0; node < n; node++) {
      const base = this.measures[node * MEASURE + BASE + VALUE];
      const now = this.measures[node * MEASURE + NEW + VALUE];
      this.widths.change[node] = Math.abs(this.change(node, this.sides).shown);
      this.widths.base[node] = Math.abs(base);
      this.widths.new[node] = Math.abs(now);
    }
    for (let node = n - 1; node > 0; node--) {
      const parent = this.parents[node];
      addMeasure(this.measures, parent * MEASURE, this.measures, node * MEASURE);
      for (const widths of Object.values(this.widths))
        widths[parent] += widths[node];
    }
    this.sums = null;
  }

  name(node) {
    if (this.keyOf[node] < 0)
      return this.labelOf[node];
    return this.merged[node] ? `(${this.merged[node]} small)` : this.keys.names[this.keyOf[node]];
  }

  // Returns the file and lines of a node.
  place(node) {
    if (this.keyOf[node] < 0 || this.merged[node])
      return '';
    const {model} = this, frames = [...this.frames[node]];
    const file = model.functionFile(model.functionOf(frames[0]));
    if (this.keys.collapses || this.keys.by === 'line' || !file)
      return this.keys.places[this.keyOf[node]];
    const lines = [...new Set(frames.map(frame => model.lineOf(frame)))].filter(line => line)
      .sort((a, b) => a - b);
    return file + (lines.length ? ':' + lines.slice(0, 3).join(', ') : '') +
      (lines.length > 3 ? ', …' : '');
  }

  library(node) {
    return this.keyOf[node] < 0 || this.merged[node]
      ? '' : this.model.libraryOf(this.frames[node].values().next().value);
  }

  isInlined(node) {
    return this.keyOf[node] >= 0 && !this.keys.collapses && this.frames[node].size > 0 &&
      [...this.frames[node]].every(frame => this.model.isInlined(frame));
  }

  change(node, sides) {
    return new Change(this.measures, node * MEASURE, sides);
  }

  // Returns the way from the root to a node as text: at each step, which child it is.
  path(node) {
    const path = [];
    for (; node; node = this.parents[node])
      path.unshift([...this.children[this.parents[node]].values()].indexOf(node));
    return path.join('.');
  }

  // Returns the node to which such a way leads, as far as it exists.
  find(path) {
    let node = 0;
    for (const part of path ? path.split('.') : []) {
      const next = [...this.children[node].values()][part];
      if (next === undefined)
        break;
      node = next;
    }
    return node;
  }
}

// Calls use(node, key, isLeaf) for each key of the stack of each node that has sums, the leaf first,
// and once if the stack has it several times.
function forEachKey(model, keys, sums, use) {
  const seenIn = new Int32Array(keys.names.length);
  for (let node = 1; node < model.parents.length; node++) {
    if (!isUsed(sums, node))
      continue;
    for (let at = node; at; at = model.parents[at]) {
      const key = keys.of[model.frameOf[at]];
      if (seenIn[key] !== node)
        use(node, key, at === node);
      seenIn[key] = node;
    }
  }
}

// Returns the rows of the table: the flat and the cumulative measures of each key.
function makeRows(model, keys, type, base, now, measures) {
  const flat = new Float64Array(keys.names.length * MEASURE), cumulative = flat.slice();
  const sums = sumByNode(model, measures), sides = model.sides(type, base, now);
  const isExact = keys.by === 'function'; // merged stacks are known by function
  forEachKey(model, keys, sums, (node, key, isLeaf) => {
    if (isExact && keys.isSmall(key))
      return;
    if (isLeaf)
      addMeasure(flat, key * MEASURE, sums, node * MEASURE);
    addMeasure(cumulative, key * MEASURE, sums, node * MEASURE);
  });
  if (isExact)
    addRests(model, keys, {flat, cumulative}, type, base, now);
  const rows = keys.names.map((name, key) => ({
    key, name, place: keys.places[key], isSmall: keys.isSmall(key),
    flat: new Change(flat, key * MEASURE, sides),
    cumulative: new Change(cumulative, key * MEASURE, sides),
  })).filter(row => row.cumulative.hasSamples || row.flat.hasSamples);
  if (base >= 0)
    markRows(rows, model, isExact);
  return rows;
}

// Marks the rows that changed beyond the sampling error, among all functions.
function markRows(rows, model, isExact) {
  const tested = rows.filter(row => row.flat.hasSamples && !row.isSmall);
  const marks = markSignificant(tested.map(row => row.flat.pTwoSided), model.confidence,
                                isExact ? model.smallFunctions : 0);
  marks.forEach((isReal, i) => { tested[i].isReal = isReal; });
}

function keyOfFunctions(model, keys) {
  const keyOf = new Map();
  for (let frame = 0; frame < model.nFrames; frame++)
    keyOf.set(model.functionOf(frame), keys.of[frame]);
  return keyOf;
}

// Adds what merged stacks hold.
function addRests(model, keys, sums, type, base, now) {
  const keyOfFunction = keyOfFunctions(model, keys);
  for (const [name, rest] of [['flat', model.restFlat], ['cumulative', model.restCumulative]]) {
    if (!rest.functions.length)
      continue;
    const measures = model.measures(rest, type, base, now);
    rest.functions.forEach((number, i) => addMeasure(
      sums[name], keyOfFunction.get(number) * MEASURE, measures, i * MEASURE));
  }
}

// Returns the key of the function for which functions of standard libraries, which `std` matches, hold
// most of what a key of theirs holds itself; or -1.
function findOwner(model, keys, wanted, std, measures) {
  const sums = sumByNode(model, measures), held = new Map();
  for (let node = 1; node < model.parents.length; node++) {
    if (keys.of[model.frameOf[node]] !== wanted || !isUsed(sums, node))
      continue;
    let at = node;
    while (at && std.test(keys.names[keys.of[model.frameOf[at]]]))
      at = model.parents[at];
    const key = at ? keys.of[model.frameOf[at]] : -1, first = node * MEASURE + VALUE;
    held.set(key, (held.get(key) || 0) + Math.abs(sums[first + NEW] - sums[first + BASE]));
  }
  return [...held].reduce((most, next) => next[1] > most[1] ? next : most, [-1, 0])[0];
}

// Returns the callers and the callees of a key, each as [key, Change], the largest first.
function findNeighbours(model, keys, wanted, type, base, now, measures) {
  const sums = sumByNode(model, measures), sides = model.sides(type, base, now);
  const found = {callers: new Map(), callees: new Map()};
  const add = (map, key, node) => {
    if (!map.has(key))
      map.set(key, new Float64Array(MEASURE));
    addMeasure(map.get(key), 0, sums, node * MEASURE);
  };
  for (let node = 1; node < model.parents.length; node++) {
    if (!isUsed(sums, node))
      continue;
    const callers = new Set(), callees = new Set();
    let inner = -1;
    for (let at = node; at; at = model.parents[at]) {
      const key = keys.of[model.frameOf[at]];
      if (inner === wanted && key !== wanted)
        callers.add(key);
      if (key === wanted && inner >= 0 && inner !== wanted)
        callees.add(inner);
      inner = key;
    }
    callers.forEach(key => add(found.callers, key, node));
    callees.forEach(key => add(found.callees, key, node));
  }
  const list = map => [...map].map(([key, sum]) => [key, new Change(sum, 0, sides)])
    .sort((a, b) => Math.abs(b[1].shown) - Math.abs(a[1].shown));
  return {callers: list(found.callers), callees: list(found.callees)};
}
