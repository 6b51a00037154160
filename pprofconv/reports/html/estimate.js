// Estimates and their errors, as analysis/estimate.c and analysis/estimated_change.c compute them.
// An estimate is 7 numbers of an array, from an offset on. A measure is three estimates: of the base,
// of the new side, and of what both share.

const VALUE = 0, VARIANCE = 1, THIRD = 2, COUNT = 3, SEEN = 4, MISSED = 5, MISSED_VALUE = 6;
const ESTIMATE = 7;
const ROUNDED = 1e-5, ROUNDED_BYTE = 1.5; // part of a value, and bytes, that rounding makes
const BASE = 0, NEW = ESTIMATE, SHARED = 2 * ESTIMATE, MEASURE = 3 * ESTIMATE;

const hit = (size, interval) => interval > 1 ? -Math.expm1(-size / interval) : 1;

function countSamples(bytes, size, interval) {
  return size > 0 ? Math.abs(bytes) * hit(size, interval) / size : 0;
}

// Adds `n` samples of blocks with the mean size `size`.
function addSamples(to, at, n, size, interval, isBytes) {
  const p = hit(size, interval), worth = isBytes ? size : 1, weight = worth / p;
  const missed = interval > 1 ? n * Math.exp(-size / interval) : 0;
  to[at + VALUE] += n * weight;
  to[at + VARIANCE] += missed * weight * weight;
  to[at + THIRD] += missed * (1 - 2 * p) * weight ** 3;
  to[at + COUNT] += n;
  to[at + SEEN] += n * worth;
  if (size >= 0.5 * interval) {
    to[at + MISSED] += missed / p;
    to[at + MISSED_VALUE] += missed / p * weight;
  }
}

function addMeasure(to, toAt, from, fromAt) {
  for (let i = 0; i < MEASURE; i++)
    to[toAt + i] += from[fromAt + i];
}

// Returns what remains of the estimate at `whole` without the one at `part`.
function lessPart(array, whole, part) {
  const rest = new Float64Array(ESTIMATE);
  for (let i = 0; i < ESTIMATE; i++)
    rest[i] = array[whole + i] - array[part + i];
  for (const i of [VARIANCE, SEEN, MISSED, MISSED_VALUE])
    rest[i] = Math.max(0, rest[i]);
  if (rest[COUNT] < 0.25)
    rest.fill(0, VARIANCE);
  return rest;
}

// Returns [low, high]: the score interval with skewness.
function estimateBounds(e, z, unseen) {
  const least = e[VALUE] + unseen;
  if (e[VARIANCE] <= 0)
    return [e[VALUE], least];
  const w = e[THIRD] / e[VARIANCE], middle = e[VALUE] + z * z * w / 2;
  const half = z * Math.sqrt(e[VARIANCE] + z * z * w * w / 4);
  const low = e[SEEN] <= e[VALUE] ? Math.max(middle - half, e[SEEN]) : middle - half;
  return [low, Math.max(middle + half, least)];
}

// The complementary error function, by its continued fraction or its series.
function erfc(x) {
  if (x < 0)
    return 2 - erfc(-x);
  if (x > 27)
    return 0;
  if (x < 2) {
    let term = x, sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum) && n < 200; n++) {
      term *= -x * x / n;
      sum += term / (2 * n + 1);
    }
    return 1 - 2 / Math.sqrt(Math.PI) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--)
    fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

const normalTail = t => erfc(t / Math.SQRT2) / 2;

function normalQuantile(tail) {
  let low = 0, high = 40;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (normalTail(middle) > tail)
      low = middle;
    else
      high = middle;
  }
  return (low + high) / 2;
}

// Returns the probability that of two counts with the same mean, one exceeds the other by `least`.
function countTail(mean, least) {
  const n = 128, chance = [Math.exp(-mean)], tail = new Float64Array(n + 1);
  for (let i = 1; i < n; i++)
    chance.push(chance[i - 1] * mean / i);
  for (let i = n - 1; i >= 0; i--)
    tail[i] = tail[i + 1] + chance[i];
  let sum = 0;
  for (let y = 0; y + least < n; y++)
    sum += chance[y] * tail[y + least];
  return sum;
}

function someMissed(value, a, b) {
  const likely = a[MISSED] > b[MISSED] ? a : b;
  if (likely[MISSED] <= 0 || likely[MISSED] > 20)
    return 0;
  const n = value * likely[MISSED] / likely[MISSED_VALUE];
  return n < 100 ? countTail(likely[MISSED], Math.max(1, Math.floor(n + 0.01))) : 0;
}

const allMissed = (bytes, unseen) => unseen > 0 ? Math.exp(-bytes / unseen) : 0;

// A change between two dumps, or from nothing to one dump. `unseen` holds the intervals of both
// sides, or 0 where nothing can be missed.
class Change {
  constructor(array, at, sides) {
    this.sides = sides;
    this.base = array[at + BASE + VALUE];
    this.new = array[at + NEW + VALUE];
    this.difference = this.new - this.base;
    Object.assign(this, {array, at});
    this.variances = array[at + BASE + VARIANCE] + array[at + NEW + VARIANCE];
    this.hasSamples = array[at + BASE + COUNT] > 0 || array[at + NEW + COUNT] > 0 ||
      this.base !== 0 || this.new !== 0;
  }

  // What the new side has beyond what both share, and the base.
  get gained() {
    return lessPart(this.array, this.at + NEW, this.at + SHARED);
  }

  get lost() {
    return lessPart(this.array, this.at + BASE, this.at + SHARED);
  }

  // The difference to show, which is 0 if it comes from rounding, as report_difference() in
  // reports/report.c returns it: estimates are whole numbers, so equal samples of two dumps may differ
  // by 1.
  get shown() {
    const least = Math.max(ROUNDED * Math.max(Math.abs(this.base), Math.abs(this.new)),
                           this.sides.isBytes ? ROUNDED_BYTE : 0);
    return this.isExact || Math.abs(this.difference) > least ? this.difference : 0;
  }

  get isExact() {
    return this.variances <= 0 && !this.sides.unseen[0] && !this.sides.unseen[1];
  }

  // Objects need enough samples: a few of tiny blocks may be most of the value.
  get hasEnough() {
    const sum = this.base + this.new;
    return this.sides.isBytes || this.isExact || sum * sum >= 20 * this.variances;
  }

  get bounds() {
    const {z, unseen, unseenFactor} = this.sides, {gained, lost} = this;
    const [inLow, inHigh] = estimateBounds(gained, z, unseenFactor * unseen[1]);
    const [outLow, outHigh] = estimateBounds(lost, z, unseenFactor * unseen[0]);
    return [
      this.difference - Math.hypot(gained[VALUE] - inLow, outHigh - lost[VALUE]),
      this.difference + Math.hypot(inHigh - gained[VALUE], lost[VALUE] - outLow),
    ];
  }

  // The probability that chance shows so much growth, or more, if there is none.
  get p() {
    const {gained, lost, difference} = this, {unseen} = this.sides;
    const variance = gained[VARIANCE] + lost[VARIANCE];
    let p = difference > 0 ? 0 : 1;
    if (variance > 0) {
      const third = Math.max(0, gained[THIRD]) + Math.max(0, lost[THIRD]);
      const step = Math.min(Math.abs(difference), third / variance);
      p = normalTail((difference - Math.sign(difference) * step) / Math.sqrt(variance));
    }
    if (difference > 0)
      return Math.max(p, Math.min(0.5, Math.max(
        allMissed(difference, unseen[0]), someMissed(difference, gained, lost))));
    return Math.min(p, 1 - Math.min(0.5, Math.max(
      allMissed(-difference, unseen[1]), someMissed(-difference, gained, lost))));
  }

  // The probability that chance shows so large a change, up or down.
  get pTwoSided() {
    if (!this.hasSamples || !this.hasEnough || this.difference === 0)
      return 1;
    const p = this.p;
    return Math.min(1, 2 * Math.min(p, 1 - p));
  }
}

// Returns for each p-value whether it is significant among all, by Benjamini and Hochberg. There are
// `nOthers` more, which are not significant.
function markSignificant(p, confidence, nOthers = 0) {
  const order = Array.from(p.keys()).sort((a, b) => p[a] - p[b]);
  const marks = new Array(p.length).fill(false);
  let lowest = 1;
  for (let i = order.length; i > 0; i--) {
    lowest = Math.min(lowest, p[order[i - 1]] * (p.length + nOthers) / i);
    marks[order[i - 1]] = lowest < 1 - confidence;
  }
  return marks;
}
