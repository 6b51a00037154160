// Numbers and names as text, and elements made of them.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
const NAME_MAX = 70; // characters of a name in a table
const PATH_MAX = 30; // characters of a path in a table

// Formats as format_value() in reports/format.c does.
function formatValue(value, isBytes, plus = '') {
  let scaled = Math.abs(value), unit = 0;
  while (isBytes && scaled >= 1023.995 && unit < 6) {
    scaled /= 1024;
    unit++;
  }
  const text = unit ? scaled.toFixed(2) : String(Math.round(scaled));
  const sign = Number(text) === 0 ? '' : value < 0 ? '−' : plus;
  return sign + (isBytes ? text : groupDigits(text)) + (isBytes ? '\u00a0' + UNITS[unit] : '');
}

const groupDigits = text => text.replace(/\B(?=(\d{3})+$)/g, '\u2009');
const formatChange = (value, isBytes) => formatValue(value, isBytes, '+');

function formatShare(part, whole) {
  if (!whole)
    return '';
  const percent = 100 * Math.abs(part / whole);
  return percent >= 99.95 ? '100\u00a0%' : percent.toFixed(percent < 10 ? 1 : 0) + '\u00a0%';
}

function formatRatio(base, now) {
  if (base === 0)
    return now === 0 ? '' : 'new';
  if (now === 0)
    return 'gone';
  const percent = 100 * (now - base) / Math.abs(base);
  return (percent < 0 ? '−' : '+') + Math.abs(percent).toFixed(Math.abs(percent) < 10 ? 1 : 0) +
    '\u00a0%';
}

// Formats the interval of a change or, if `isValue`, of a value.
function formatBounds(change, isValue) {
  if (change.isExact)
    return 'exact';
  if (!change.hasEnough)
    return 'too few samples';
  const format = isValue ? formatValue : formatChange, {isBytes} = change.sides;
  const [low, high] = change.bounds;
  return `${format(isValue ? Math.max(0, low) : low, isBytes)} to ${format(high, isBytes)}`;
}

function formatTime(milliseconds) {
  return new Date(milliseconds).toISOString().replace('T', ' ').slice(0, 19) + ' UTC';
}

function formatSpan(milliseconds) {
  const seconds = milliseconds / 1000;
  for (const [size, name] of [[86400, 'd'], [3600, 'h'], [60, 'min']])
    if (seconds >= 2 * size)
      return (seconds / size).toFixed(1) + '\u00a0' + name;
  return seconds.toFixed(seconds < 10 ? 2 : 0) + '\u00a0s';
}

// Returns the end of a path, from a folder on where it is long.
function cutPath(path, max = PATH_MAX) {
  if (naming.isFull || path.length <= max)
    return path;
  const end = path.slice(1 - max), slash = end.indexOf('/');
  return '…' + (slash >= 0 ? end.slice(slash) : end);
}

const lastPart = path => path.slice(path.lastIndexOf('/') + 1);

const naming = {
  isFull: false,     // names are neither shortened nor cut
  shorter: new Map() // of functions that have a short name
};

const shortName = name => (naming.isFull ? undefined : naming.shorter.get(name)) ?? name;

function cutName(name, max = NAME_MAX) {
  return !naming.isFull && name.length > max
    ? name.slice(0, max * 2 / 3) + '…' + name.slice(-max / 3) : name;
}

// Makes an element. Strings among the children become text, never markup.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false)
      continue;
    if (key.startsWith('on'))
      made.addEventListener(key.slice(2), value);
    else
      made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children);
  return made;
}

const byId = id => document.getElementById(id);
