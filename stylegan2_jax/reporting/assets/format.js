// Elements, numbers and times as text. Text from outside goes through textContent only.

const SVG = 'http://www.w3.org/2000/svg';

// An element with attributes (on...: listeners) and children, which are nodes or text.
function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

// The same in SVG.
function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children);
  return node;
}

// A number in four digits: 0.01234, 12.34, 12,345, 1.2e-7.
function number(value) {
  if (value === null || value === undefined) return '–';
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(2).replace('e+', 'e');
  if (size >= 1000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(4)));
}

function kimg(value) {
  return value.toLocaleString('en-US', {maximumFractionDigits: value < 100 ? 1 : 0});
}

// 42 s, 2 min 05 s, 12 min, 5 h 03 min, 3 d 04 h.
function duration(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  const s = Math.round(seconds);
  const two = n => String(n).padStart(2, '0');
  if (s < 60) return `${s} s`;
  if (s < 600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.round(s / 3600);
  return `${Math.floor(hours / 24)} d ${two(hours % 24)} h`;
}

// Round values between two others, about `count` of them, on a linear axis.
function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= rough * 0.999);
  const result = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    result.push(Number((i * step).toPrecision(12)));
  }
  return result;
}

// The same on a logarithmic one: powers of ten, and 2 and 5 times them where there are few.
function logTicks(low, high, count) {
  const result = [];
  const decades = Math.log10(high / low);
  const every = Math.max(1, Math.ceil(decades / count));
  for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high); e++) {
    if (e % every) continue;
    for (const m of decades < 2 ? [1, 2, 5] : [1]) {
      const value = Number((m * 10 ** e).toPrecision(3));
      if (value >= low && value <= high) result.push(value);
    }
  }
  return result.length > 1 ? result : ticks(low, high, count);
}
