// The card of discovered directions: sets are found when they are first looked at.

import {bar, el, slider} from './controls.js';
import {askJson} from './requests.js';

const NAMES = {sefa: 'SeFa', pca: 'PCA'};
const WHY = {
  sefa: 'What changes the styles of these layers most, from the weights alone. In standard deviations.',
  pca: 'Where w varies most: the same for all layers, applied to these. In standard deviations.',
};

const same = (move, method, group, number) =>
  move.method === method && move.group === group && move.number === number;

// As the panels of panels.js, and start(), which finds the first set.
export function directions(facts, page) {
  let [method, group] = [facts.methods[0], 'all'];
  let sliders = [];
  const methods = bar({label: 'Found by',
    choices: Object.fromEntries(facts.methods.map((word) => [word, NAMES[word] ?? word])),
    changed: (word) => { method = word; find(); }});
  const groups = bar({label: 'Layers',
    choices: Object.fromEntries(Object.keys(facts.groups).map((word) => [word, word])),
    changed: (word) => { group = word; find(); }});
  const why = el('p', {class: 'soft', role: 'status'});
  const list = el('div', {class: 'moves'});
  const chips = el('div', {class: 'chips', 'aria-label': 'Moves of all sets'});
  document.getElementById('directions').append(
    methods.node, groups.node, why, list, chips);

  const strength = (number) =>
    page.view().moves.find((move) => same(move, method, group, number))?.strength ?? 0;

  function put(key, value) {
    const moves = page.view().moves.filter((move) => !same(move, ...key));
    const at = page.view().moves.findIndex((move) => same(move, ...key));
    const [moveMethod, moveGroup, number] = key;
    if (value) {
      moves.splice(at < 0 ? moves.length : at, 0,
        {method: moveMethod, group: moveGroup, number, strength: value});
    }
    page.change({moves});
  }

  async function find() {
    const wanted = [method, group];
    methods.set(method);
    groups.set(group);
    list.inert = true;  // its sliders are those of another set
    const slow = setTimeout(() => { why.textContent = 'Finding directions …'; }, 150);
    try {
      const {count} = await askJson('/directions', {method, group});
      if (wanted[0] !== method || wanted[1] !== group) return;
      sliders = Array.from({length: count}, (_, number) => slider({
        label: String(number + 1), name: `Direction ${number + 1}`, min: -6, max: 6, step: 0.1,
        least: -100, most: 100, zero: 0, changed: (value) => put([...wanted, number], value), current: () => strength(number),
      }));
      list.replaceChildren(...sliders.map((each) => each.node));
      list.dataset.set = wanted.join(' ');
      list.inert = false;
      why.textContent = WHY[method] ?? '';
      show(page.view());
    } catch (error) {
      why.textContent = '';
      list.replaceChildren();
      sliders = [];
      page.failed(error);
    } finally {
      clearTimeout(slow);
    }
  }

  function show(view) {
    sliders.forEach((each, number) => each.set(strength(number)));
    chips.replaceChildren(...view.moves.map((move) => {
      const name = `${NAMES[move.method] ?? move.method} ${move.group} ${move.number + 1}`;
      const by = `${move.strength > 0 ? '+' : '−'}${Math.abs(move.strength)} σ`;
      return el('button', {'aria-label': `remove ${name}`, title: 'remove',
        onclick: () => put([move.method, move.group, move.number], 0)}, `${name} `, el('b', {}, by), ' ×');
    }));
    if (view.moves.length > 1) {
      chips.append(el('button', {class: 'plain', onclick: () => page.change({moves: []})}, 'remove all'));
    }
  }
  return {show, start: find};
}
