// The cards of controls. Each gets (facts, page) and returns a function that shows a view.
// page: {view(): the present one, change(fields): to another}.

import {bar, el, field, menu, slider, toggles} from './controls.js';

const SEEDS = {min: 0, max: 999, step: 1, least: 0, most: 2 ** 32 - 1, whole: true};
const card = (id) => document.getElementById(id);
export const randomSeed = () => Math.floor(Math.random() * 1000);

function seed(page, name, label, title) {
  const control = slider({
    ...SEEDS, label, changed: (value) => page.change({[name]: value}),
    current: () => page.view()[name],
  });
  control.extra.append(el('button', {title, 'aria-label': title, class: 'dice',
    onclick: () => page.change({[name]: randomSeed()})}, '⚄'));
  return control;
}

function label(facts, page, name, text) {
  const changed = (value) => page.change({[name]: value});
  if (facts.classes.length) return menu({label: text, choices: facts.classes, changed});
  return field({label: text, help: facts.label_help, changed});
}

export function latent(facts, page) {
  const layers = facts.layers.length;
  const all = (value) => value === layers;
  const controls = {
    seed: seed(page, 'seed', 'Seed', 'random seed'),
    ...(facts.c_dim && {label: label(facts, page, 'label', facts.classes.length ? 'Class' : 'Label')}),
    psi: slider({label: 'Truncation ψ', min: -1, max: 1.5, step: 0.01, least: -10, most: 10, zero: 0,
      text: (value) => ({0: 'the average', 1: 'all variety'})[value] ?? '',
      changed: (psi) => page.change({psi}), current: () => page.view().psi}),
    cutoff: slider({label: 'Truncated layers', min: 0, max: layers, step: 1, whole: true,
      text: (value) => (all(value) ? 'all' : value ? `up to ${facts.layers[value - 1]}` : 'none'),
      changed: (value) => page.change({cutoff: all(value) ? null : value}),
      current: () => page.view().cutoff ?? layers}),
    ...(facts.c_dim && {center: bar({label: 'Truncation towards',
      choices: {global: 'average of all', class: 'average of its class'},
      changed: (center) => page.change({center})})}),
  };
  card('latent').append(...Object.values(controls).map((control) => control.node));
  return (view) => {
    for (const [name, control] of Object.entries(controls)) {
      control.set(name === 'cutoff' ? view.cutoff ?? layers : view[name]);
    }
  };
}

export function mixing(facts, page) {
  const groups = Object.entries(facts.groups).filter(([word]) => word !== 'all');
  const take = (layers, on) => {
    const chosen = new Set(page.view().mix_layers);
    for (const layer of layers) on ? chosen.add(layer) : chosen.delete(layer);
    page.change({mix_layers: [...chosen].sort((a, b) => a - b)});
  };
  const range = (layers) => {
    const sizes = new Set([layers[0], layers.at(-1)].map((layer) => facts.layers[layer]));
    return [...sizes].join('–');
  };
  const partner = seed(page, 'mix_seed', 'Partner seed', 'random partner');
  const class_ = facts.c_dim
    ? label(facts, page, 'mix_label', facts.classes.length ? 'Partner class' : 'Partner label') : null;
  const byGroup = toggles({
    label: 'Taken from the partner',
    choices: Object.fromEntries(groups.map(([word, layers]) => [word, [`${word} ${range(layers)}`, `layers ${layers.join(', ')}`]])),
    changed: (word, on) => take(facts.groups[word], on),
  });
  const byLayer = toggles({
    label: 'Single layers, coarse to fine',
    choices: Object.fromEntries(facts.layers.map((size, i) => [i, [String(i), `layer ${i}, ${size}`]])),
    changed: (layer, on) => take([Number(layer)], on),
  });
  byLayer.node.classList.add('small');
  const pair = el('div', {class: 'pair'},
    el('figure', {}, el('img', {id: 'source', alt: 'the picture of the seed, unmixed'}),
      el('figcaption', {}, 'seed')),
    el('span', {class: 'plus', 'aria-hidden': 'true'}, '+'),
    el('figure', {}, el('img', {id: 'partner', alt: 'the picture of the partner seed'}),
      el('figcaption', {}, 'partner')),
    el('div', {class: 'beside'}, partner.node, ...(class_ ? [class_.node] : [])));
  card('mixing').append(pair, byGroup.node, byLayer.node);
  return (view) => {
    const chosen = new Set(view.mix_layers);
    partner.set(view.mix_seed);
    class_?.set(view.mix_label);
    byGroup.set(Object.fromEntries(groups.map(([word, layers]) => {
      const count = layers.filter((layer) => chosen.has(layer)).length;
      return [word, count === layers.length ? true : count ? null : false];
    })));
    byLayer.set(Object.fromEntries(facts.layers.map((_, i) => [i, chosen.has(i)])));
  };
}

export function noise(facts, page) {
  if (!facts.has_noise) {
    card('noise').append(el('p', {class: 'soft'}, 'This generator was trained without noise.'));
    return () => {};
  }
  const mode = bar({label: 'Noise maps', choices: {const: 'stored', random: 'random', none: 'none'},
    changed: (value) => page.change({noise: value})});
  const scale = slider({label: 'Strength', min: 0, max: 3, step: 0.05, least: 0, most: 100,
    text: (value) => (value === 1 ? 'as trained' : ''),
    changed: (value) => page.change({noise_scale: value}), current: () => page.view().noise_scale});
  const draw = seed(page, 'noise_seed', 'Noise seed', 'random noise');
  card('noise').append(mode.node, scale.node, draw.node);
  return (view) => {
    mode.set(view.noise);
    scale.set(view.noise_scale);
    draw.set(view.noise_seed);
    scale.node.hidden = view.noise === 'none';
    draw.node.hidden = view.noise !== 'random';
  };
}
