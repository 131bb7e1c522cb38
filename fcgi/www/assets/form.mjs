// The film's form, made from GET /schema: one control per raw field, nothing about a field is written here.
import { h } from './h.mjs';
import { t, currentLanguage, formatDate, formatNumber, known, parseNumber } from './i18n.mjs';
import { addDays, nextWednesday } from './layout.mjs';

const text = (field, what) => field[`${what}_${currentLanguage()}`] || field[`${what}_en`] || '';
export const fieldLabel = (field) => text(field, 'label') || field.name;
// The schema's units are codes; those with words of ours are shown in them, others as they are.
const unitLabel = (field) => (known(`unit.${field.unit}`) ? t(`unit.${field.unit}`) : field.unit);
const valueLabel = (value) => (typeof value === 'string' ? value : text(value, 'label') || value.value);
const valueCode = (value) => (typeof value === 'string' ? value : value.value);

function suggestions(field, id) {
  return (field.values ?? []).length === 0 ? null
    : h('datalist', { id }, field.values.map((value) => h('option', { value: valueLabel(value) })));
}
// What the user typed → the vocabulary's code, when it is one of its labels.
function codeOf(field, typed) {
  const same = (field.values ?? []).find((value) => valueLabel(value).toLowerCase() === typed.toLowerCase());
  return same ? valueCode(same) : typed;
}

// Each control: {element (focus target), nodes, read() → {value} | {empty: true} | {problem: code}, write(value)}
function textControl(field, id) {
  const list = suggestions(field, `${id}-list`);
  const element = h('input', { id, type: 'text', maxlength: field.length_max, autocomplete: 'off', list: list && `${id}-list` });
  return {
    element, nodes: [element, list],
    read: () => (element.value.trim() === '' ? { empty: true } : { value: codeOf(field, element.value.trim()) }),
    write: (value) => { element.value = value; },
  };
}

function choiceControl(field, id) {
  const element = h('select', { id }, h('option', { value: '' }, t('form.unknown')),
    field.values.map((value) => h('option', { value: valueCode(value) }, valueLabel(value))));
  return {
    element, nodes: [element],
    read: () => (element.value === '' ? { empty: true } : { value: element.value }),
    write: (value) => { element.value = value; },
  };
}

function numberControl(field, id) {
  const element = h('input', { id, type: 'text', inputmode: field.type === 'integer' ? 'numeric' : 'decimal', autocomplete: 'off' });
  return {
    element, nodes: [element],
    read: () => {
      if (element.value.trim() === '') return { empty: true };
      const value = parseNumber(element.value);
      if (value === null) return { problem: 'not_a_number' };
      if (field.type === 'integer' && !Number.isInteger(value)) return { problem: 'not_an_integer' };
      return { value };
    },
    write: (value) => { element.value = String(value); },
  };
}

function dateControl(field, id) {
  const element = h('input', { id, type: 'date' });
  const note = h('p', { class: 'hint', id: `${id}-week` });
  // The browser writes dates its own way, so the week is spelled out beside it.
  const spell = () => {
    note.textContent = element.value === '' ? ''
      : t('form.week', { from: formatDate(element.value), to: formatDate(addDays(element.value, 6)) });
  };
  element.addEventListener('input', spell);
  return {
    element, nodes: [element, note],
    read: () => (element.value === '' ? { empty: true } : { value: element.value }),
    write: (value) => { element.value = value; spell(); },
  };
}

function listControl(field, id) {
  const items = [];
  const list = suggestions(field, `${id}-list`);
  const element = h('input', { id, type: 'text', maxlength: field.length_max, autocomplete: 'off', list: list && `${id}-list` });
  const chips = h('ul', { class: 'chips', 'aria-label': fieldLabel(field) });
  const labelOf = (code) => {
    const value = (field.values ?? []).find((candidate) => valueCode(candidate) === code);
    return value ? valueLabel(value) : code;
  };
  const draw = () => {
    chips.replaceChildren(...items.map((code, i) => h('li', {}, h('button', {
      type: 'button', class: 'quiet', 'aria-label': t('form.remove', { name: labelOf(code) }),
      onclick: () => { items.splice(i, 1); draw(); element.focus(); },
    }, `${labelOf(code)} ✕`))));
    chips.hidden = items.length === 0;
  };
  const add = () => {
    for (const part of element.value.split(/[,;|]/)) {
      const code = codeOf(field, part.trim());
      if (code !== '' && !items.includes(code)) items.push(code);
    }
    element.value = '';
    draw();
  };
  element.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && element.value.trim() !== '') { event.preventDefault(); add(); }
  });
  draw();
  return {
    element,
    nodes: [h('div', { class: 'adder' }, element, h('button', {
      type: 'button', class: 'quiet', 'aria-label': t('form.add_to', { name: fieldLabel(field) }), onclick: () => { add(); element.focus(); },
    }, t('form.add'))), list, chips],
    read: () => { add(); return items.length === 0 ? { empty: true } : { value: [...items] }; },
    write: (value) => { items.splice(0, items.length, ...value); draw(); },
  };
}

function makeControl(field, id) {
  if (field.type === 'date') return dateControl(field, id);
  if (field.type === 'list') return listControl(field, id);
  if (field.type === 'number' || field.type === 'integer') return numberControl(field, id);
  if (field.type === 'category' && field.closed) return choiceControl(field, id);
  return textControl(field, id);
}

function hintOf(field) {
  const range = field.min !== undefined && field.max !== undefined
    ? t('form.range', { min: formatNumber(field.min), max: formatNumber(field.max) }) : '';
  const list = field.type === 'list' ? t('form.list', { max: field.items_max ?? '' }) : '';
  return [text(field, 'help'), range, list].filter(Boolean).join(' ');
}

// → {element, read() → {film, problems: [{field, code}]}, write(film), show(problems), control(name)}
export function filmForm(schema, onsubmit) {
  const fields = schema.fields.filter((field) => field.known !== 'after' && field.name !== 'film_id');
  const controls = new Map();
  const cell = (field) => {
    const id = `f-${field.name}`;
    const control = makeControl(field, id);
    const hint = hintOf(field);
    const described = [hint && `${id}-hint`, field.type === 'date' && `${id}-week`, `${id}-error`].filter(Boolean).join(' ');
    control.element.setAttribute('aria-describedby', described);
    if (field.required) control.element.setAttribute('aria-required', 'true');
    control.error = h('p', { class: 'error', id: `${id}-error`, hidden: true });
    controls.set(field.name, control);
    return h('div', {}, h('label', { for: id }, fieldLabel(field), field.unit ? ` (${unitLabel(field)})` : '', ' ',
      field.required ? h('span', { class: 'required' }, t('form.required')) : null),
    control.nodes, control.error, hint ? h('p', { class: 'hint', id: `${id}-hint` }, hint) : null);
  };
  const send = h('button', { type: 'submit' }, t('form.predict'));
  const element = h('form', { class: 'card', novalidate: true, 'aria-labelledby': 'film-title' },
    h('h2', { id: 'film-title' }, t('form.title')),
    h('p', { class: 'hint' }, t('form.intro')),
    h('div', { class: 'grid' }, fields.filter((field) => field.required).map(cell),
      fields.filter((field) => !field.required).map(cell)),
    h('div', { class: 'actions' }, send,
      h('button', { type: 'button', class: 'quiet', onclick: () => { fields.forEach((f) => controls.get(f.name).write(f.type === 'list' ? [] : '')); form.show([]); start(); } }, t('form.clear'))));
  const start = () => { controls.get('release_date')?.write(nextWednesday(new Date())); };
  element.addEventListener('submit', (event) => { event.preventDefault(); onsubmit(); });
  const form = {
    element, send,
    control: (name) => controls.get(name),
    read() {
      const film = {};
      const problems = [];
      for (const field of fields) {
        const { value, problem } = controls.get(field.name).read();
        if (problem) problems.push({ field: field.name, code: problem, context: {} });
        else if (value !== undefined) film[field.name] = value;
        else if (field.required) problems.push({ field: field.name, code: 'missing', context: {} });
      }
      return { film, problems };
    },
    write(film) { for (const [name, value] of Object.entries(film)) controls.get(name)?.write(value); },
    show(problems) {
      for (const [name, control] of controls) {
        const mine = problems.filter((problem) => problem.field === name);
        control.error.textContent = mine.map((problem) => problem.text).join(' ');
        control.error.hidden = mine.length === 0;
        if (mine.length > 0) control.element.setAttribute('aria-invalid', 'true');
        else control.element.removeAttribute('aria-invalid');
      }
    },
  };
  start();
  return form;
}
