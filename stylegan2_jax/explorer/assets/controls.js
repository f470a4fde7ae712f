// Elements, and the controls that are made of several.

// An element with attributes (on...: listeners) and children, which are nodes or text.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children);
  return node;
}

let counter = 0;
const fresh = () => `control${(counter += 1)}`;

// A labelled slider with a number beside it that may lie outside the slider's range.
// {label, name, min, max, step, least, most, whole, changed(number), current(), text(number), zero}
// name: the label in full, where that is short; text: what is written after it; zero: where the bar
// begins, and a double click leads. Returns {node, set, extra}: extra, to append buttons to.
export function slider(options) {
  const {label, min, max, step, changed, text, least = min, most = max, name = label} = options;
  const id = fresh();
  const range = el('input', {type: 'range', id, min, max, step, 'aria-label': name});
  const number = el('input', {type: 'number', step, min: least, max: most, 'aria-label': name});
  const note = el('span', {class: 'note'});
  const extra = el('span', {class: 'extra'}, number);
  const set = (value) => {
    range.value = value;
    if (document.activeElement !== number || Number(number.value) !== value) number.value = value;
    note.textContent = text ? text(value) : '';
    const ends = [options.zero ?? min, value].sort((a, b) => a - b);
    for (const i of [0, 1]) {
      const share = Math.min(1, Math.max(0, (ends[i] - min) / (max - min)));
      range.style.setProperty(i ? '--to' : '--from', share);
    }
  };
  const take = (value) => {
    set(value);
    changed(value);
  };
  range.addEventListener('input', () => take(Number(range.value)));
  number.addEventListener('input', () => {
    const value = number.valueAsNumber;
    if (Number.isFinite(value) && value >= least && value <= most
        && (!options.whole || Number.isInteger(value))) take(value);
  });
  number.addEventListener('change', () => set(options.current()));
  if (options.zero !== undefined) range.addEventListener('dblclick', () => take(options.zero));
  const node = el('div', {class: 'slider'},
    el('label', {for: id}, el('span', {}, label), note), extra, range);
  return {node, set, extra};
}

// One of several words: radio buttons that look like one bar. {label, choices: {value: text}}
export function bar({label, choices, changed}) {
  const name = fresh();
  const inputs = {};
  const node = el('fieldset', {class: 'bar'}, el('legend', {}, label));
  const row = el('div', {});
  for (const [value, text] of Object.entries(choices)) {
    const input = el('input', {type: 'radio', name, value, onchange: () => changed(value)});
    inputs[value] = input;
    row.append(el('label', {}, input, el('span', {}, text)));
  }
  node.append(row);
  return {node, set: (value) => { if (inputs[value]) inputs[value].checked = true; }};
}

// One of many words. {label, choices: [text]}
export function menu({label, choices, changed}) {
  const id = fresh();
  const select = el('select', {id, onchange: () => changed(select.value)},
    ...choices.map((text) => el('option', {value: text}, text)));
  const node = el('div', {class: 'field'}, el('label', {for: id}, label), select);
  return {node, set: (value) => { select.value = value; }};
}

// A line of text. {label, help}
export function field({label, help, changed}) {
  const id = fresh();
  const input = el('input', {type: 'text', id, title: help, spellcheck: 'false',
    onchange: () => changed(input.value)});
  const node = el('div', {class: 'field'}, el('label', {for: id}, label), input);
  return {node, set: (value) => { if (document.activeElement !== input) input.value = value; }};
}

// Boxes that are on or off. {label, choices: {key: [text, title]}, changed(key, on)}
export function toggles({label, choices, changed}) {
  const inputs = {};
  const node = el('fieldset', {class: 'toggles'}, el('legend', {}, label));
  const row = el('div', {});
  for (const [key, [text, title]] of Object.entries(choices)) {
    const input = el('input', {type: 'checkbox', onchange: () => changed(key, input.checked)});
    inputs[key] = input;
    row.append(el('label', {title}, input, el('span', {}, text)));
  }
  node.append(row);
  // on: {key: true, false, or null for in part}
  const set = (on) => {
    for (const [key, input] of Object.entries(inputs)) {
      input.checked = on[key] === true;
      input.indeterminate = on[key] === null;
    }
  };
  return {node, set};
}
