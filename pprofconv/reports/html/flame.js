// The flame graph: boxes in rows, the root on top. A box is as wide as its share of what is zoomed to.

const ROW = 21;        // pixels
const NARROWEST = 0.8; // pixels of a box that is drawn
const DEEPER = 3;      // pixels of a box whose children are drawn
const LABELLED = 36;   // pixels of a box that has room for text
const COLOURS = 7;     // of libraries

class Flame {
  constructor(place, tip, onZoom) {
    this.place = place;
    this.tip = tip;
    this.onZoom = onZoom;
    this.place.addEventListener('click', event => this.onClick(event));
    this.place.addEventListener('mouseover', event => this.showTip(event.target, event));
    this.place.addEventListener('mousemove', event => this.moveTip(event.clientX, event.clientY));
    this.place.addEventListener('mouseleave', () => this.hideTip());
    this.place.addEventListener('focusin', event => this.onFocus(event));
    this.place.addEventListener('focusout', () => this.hideTip());
    this.place.addEventListener('keydown', event => this.onKey(event));
  }

  // Draws a view. `look` has: sides, width (of view.widths), isDiff, marks, matches, zoom.
  draw(view, look) {
    Object.assign(this, {view, look});
    this.boxes = new Map();
    const focused = this.focused, hadFocus = this.place.contains(document.activeElement);
    const width = this.place.clientWidth, rows = [];
    const above = this.ancestors(look.zoom);
    above.forEach((node, depth) => rows.push(this.box(node, 0, width, depth, node !== look.zoom)));
    const deepest = this.drawChildren(look.zoom, 0, width, above.length, rows);
    this.place.replaceChildren(...rows);
    this.place.style.height = `${(deepest + 1) * ROW + 2}px`;
    this.setFocus(this.boxes.has(focused) ? focused : look.zoom, hadFocus);
  }

  ancestors(node) {
    const list = [node];
    while (list[0])
      list.unshift(this.view.parents[list[0]]);
    return list;
  }

  // Returns the children of a node, the widest first.
  childrenOf(node) {
    const widths = this.view.widths[this.look.width];
    return [...this.view.children[node].values()].sort((a, b) => widths[b] - widths[a] || a - b);
  }

  // Draws what is below a node; returns the deepest row.
  drawChildren(node, left, width, row, rows) {
    const widths = this.view.widths[this.look.width], stack = [[node, left, width, row]];
    let deepest = row - 1;
    while (stack.length) {
      const [parent, from, room, at] = stack.pop();
      let x = from;
      for (const child of this.childrenOf(parent)) {
        const own = widths[parent] ? room * widths[child] / widths[parent] : 0;
        if (own < NARROWEST)
          break;
        rows.push(this.box(child, x, own, at, false));
        deepest = Math.max(deepest, at);
        if (own >= DEEPER)
          stack.push([child, x, own, at + 1]);
        x += own;
      }
    }
    return deepest;
  }

  box(node, left, width, row, isAbove) {
    const text = this.label(node);
    const box = element('div', {
      class: `box ${this.colour(node)}${isAbove ? ' above' : ''}` +
        (this.look.matches && this.look.matches.has(node) ? ' match' : '') +
        (this.view.isInlined(node) ? ' inlined' : ''),
      role: 'treeitem', tabindex: -1, 'aria-level': row + 1, 'aria-label': text,
      'aria-expanded': this.view.children[node].size ? 'true' : undefined,
    }, width >= LABELLED ? text : '');
    box.style.left = `${left}px`;
    box.style.width = `${Math.max(width - 1, 0.6)}px`;
    box.style.top = `${row * ROW}px`;
    box.dataset.node = node;
    this.boxes.set(node, box);
    return box;
  }

  label(node) {
    const change = this.view.change(node, this.look.sides), {isBytes} = this.look.sides;
    const name = shortName(this.view.name(node));
    if (!this.look.isDiff)
      return `${name} ${formatValue(change.new, isBytes)}`;
    const sign = change.shown > 0 ? '▲' : change.shown < 0 ? '▼' : '=';
    return `${sign} ${name} ${sign === '=' ? formatValue(change.new, isBytes)
                                           : formatChange(change.shown, isBytes)}`;
  }

  colour(node) {
    if (this.view.merged[node])
      return 'small';
    if (this.look.isDiff) {
      const {shown} = this.view.change(node, this.look.sides);
      const kind = shown > 0 ? 'up' : shown < 0 ? 'down' : 'same';
      return kind !== 'same' && this.look.marks[node] ? `${kind} real` : kind;
    }
    const number = this.look.libraries.get(this.view.library(node));
    return number === undefined ? 'same' : `library${Math.min(number, COLOURS - 1)}`;
  }

  // --- what a box says -----------------------------------------------------------------------

  describe(node) {
    const {view, look} = this, total = view.change(0, look.sides), {isBytes} = look.sides;
    const change = view.change(node, look.sides), own = this.ownChange(node);
    const lines = [['', view.name(node)]], place = view.place(node);
    if (place)
      lines.push(['where', place]);
    if (view.library(node) && view.keys.by !== 'library')
      lines.push(['library', view.library(node) + (view.isInlined(node) ? ', inlined' : '')]);
    if (look.isDiff) {
      lines.push(['change', `${formatChange(change.shown, isBytes)} ` +
        `${formatRatio(change.base, change.new)}`]);
      lines.push([this.confidence(), formatBounds(change, false)]);
      lines.push(['base, new', `${formatValue(change.base, isBytes)}, ` +
        formatValue(change.new, isBytes)]);
      lines.push(['by itself', formatChange(own.shown, isBytes)]);
      lines.push(['real', look.marks[node] ? 'yes, beyond the sampling error'
                                           : 'not beyond the sampling error']);
    } else {
      lines.push(['cumulative', `${formatValue(change.new, isBytes)} ` +
        formatShare(change.new, total.new)]);
      lines.push([this.confidence(), formatBounds(change, true)]);
      lines.push(['flat', `${formatValue(own.new, isBytes)} ${formatShare(own.new, total.new)}`]);
    }
    return lines;
  }

  confidence() {
    return `${+(100 * this.view.model.confidence).toPrecision(6)} % interval`;
  }

  // Returns what a node has beyond its children.
  ownChange(node) {
    const own = this.view.measures.slice(node * MEASURE, (node + 1) * MEASURE);
    for (const child of this.view.children[node].values())
      for (let i = 0; i < MEASURE; i++)
        own[i] -= this.view.measures[child * MEASURE + i];
    return new Change(own, 0, this.look.sides);
  }

  nodeOf(target) {
    const box = target.closest && target.closest('.box');
    return box ? Number(box.dataset.node) : -1;
  }

  showTip(target, event) {
    const node = this.nodeOf(target);
    if (node < 0) {
      this.hideTip();
      return;
    }
    this.tip.replaceChildren(...this.describe(node).map(([name, text]) => element(
      'div', {}, name ? element('span', {class: 'term'}, name) : '',
      element(name ? 'span' : 'b', {}, cutName(text, 400)))));
    this.tip.hidden = false;
    const box = this.boxes.get(node).getBoundingClientRect();
    this.moveTip(event && event.clientX !== undefined ? event.clientX : Math.max(0, box.left),
                 event && event.clientY !== undefined ? event.clientY : box.bottom - 10);
  }

  moveTip(x, y) {
    if (this.tip.hidden)
      return;
    const {offsetWidth, offsetHeight} = this.tip;
    const {clientWidth, clientHeight} = document.documentElement;
    this.tip.style.left = `${Math.max(4, Math.min(x + 14, clientWidth - offsetWidth - 8))}px`;
    this.tip.style.top = `${y + 18 + offsetHeight > clientHeight
      ? Math.max(4, y - offsetHeight - 12) : y + 18}px`;
  }

  hideTip() {
    this.tip.hidden = true;
  }

  // --- pointer and keyboard --------------------------------------------------------------------

  onClick(event) {
    const node = this.nodeOf(event.target);
    if (node < 0)
      return;
    this.setFocus(node, true);
    this.hideTip();
    this.onZoom(node);
  }

  onFocus(event) {
    const node = this.nodeOf(event.target);
    if (node < 0)
      return;
    this.setFocus(node, false);
    this.showTip(event.target);
  }

  // Makes a box the one that Tab leads to and, if `moves`, gives it the focus.
  setFocus(node, moves) {
    if (this.boxes.has(this.focused))
      this.boxes.get(this.focused).tabIndex = -1;
    this.focused = node;
    const box = this.boxes.get(node);
    if (!box)
      return;
    box.tabIndex = 0;
    if (moves && document.activeElement !== box)
      box.focus({preventScroll: false});
  }

  onKey(event) {
    const next = this.neighbour(event.key);
    if (event.key === 'Enter' || event.key === ' ')
      this.onZoom(this.focused);
    else if (event.key === 'Escape')
      this.onZoom(this.view.parents[this.look.zoom]);
    else if (next === undefined)
      return;
    else
      this.setFocus(next, true);
    event.preventDefault();
  }

  // Returns the box that an arrow key leads to.
  neighbour(key) {
    const drawn = node => this.childrenOf(node).filter(child => this.boxes.has(child));
    const siblings = drawn(this.view.parents[this.focused]);
    const at = siblings.indexOf(this.focused);
    switch (key) {
    case 'ArrowDown':
      return drawn(this.focused)[0] ?? this.focused;
    case 'ArrowUp':
      return this.view.parents[this.focused];
    case 'ArrowLeft':
      return siblings[Math.max(0, at - 1)] ?? this.focused;
    case 'ArrowRight':
      return siblings[Math.min(siblings.length - 1, at + 1)] ?? this.focused;
    case 'Home':
      return this.look.zoom;
    default:
      return undefined;
    }
  }
}
