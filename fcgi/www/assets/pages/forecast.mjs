// The page at /: log in, describe a film, read its forecast.
import * as api from '../api.mjs';
import { predictionCard } from '../card.mjs';
import { fieldLabel, filmForm } from '../form.mjs';
import { h } from '../h.mjs';
import { known, loadLanguage, t, translatePage } from '../i18n.mjs';

const DRAFT = 'mercredi.draft';
const place = (id) => document.getElementById(id);
const state = { schema: null, form: null, results: [] };

const say = (text) => { place('status').textContent = text; };
const labelOf = (name) => {
  const field = state.schema?.fields.find((candidate) => candidate.name === name);
  return field ? fieldLabel(field) : name;
};

function problemText(problem) {
  const key = `error.${problem.code}`;
  return known(key) ? t(key, problem.context) : problem.message ?? problem.code;
}

// A list at the top that leads to the fields, and the same text at each field.
function showProblems(title, problems) {
  if (problems.length === 0 && !title) { place('problems').replaceChildren(); return; }
  place('problems').replaceChildren(h('div', { class: 'problems' }, h('h2', {}, title),
    problems.length === 0 ? null : h('ul', {}, problems.map((problem) => h('li', {},
      state.form?.control(problem.field)
        ? h('a', { href: `#f-${problem.field}`, onclick: (event) => { event.preventDefault(); state.form.control(problem.field).element.focus(); } },
          `${labelOf(problem.field)} : ${problem.text}`)
        : problem.text)))));
}

function failure(error) {
  if (error.status === 0) return t('failure.unreachable');
  if (error.status === 401) return t('failure.session');
  if (error.status === 403) return t('failure.scope');
  if (error.status === 429 || error.status === 503) return t('failure.busy', { seconds: error.retryAfter || 5 });
  return t('failure.other', { status: error.status, detail: error.detail });
}

async function predict() {
  const { film, problems } = state.form.read();
  if (problems.length > 0) return refuse(problems);
  state.form.show([]);
  showProblems('', []);
  sessionStorage.setItem(DRAFT, JSON.stringify(film));
  state.form.send.disabled = true;
  say(t('status.predicting'));
  try {
    const answer = await api.predict(film);
    state.results.unshift({ film, answer });
    drawResults();
    say(t('status.done', { title: film.title }));
    place('results-title').scrollIntoView({ block: 'nearest' });
  } catch (error) {
    say('');
    if (!(error instanceof api.ApiError)) throw error;
    if (error.status === 422) {
      refuse(error.problems.map((item) => ({ field: String(item.loc[1] ?? ''), code: item.type, context: item.ctx ?? {}, message: item.msg })));
    } else {
      if (error.status === 401) drawAll();
      showProblems(failure(error), []);
    }
  } finally {
    state.form.send.disabled = false;
  }
}

function refuse(problems) {
  for (const problem of problems) problem.text = problemText(problem);
  state.form.show(problems);
  showProblems(t('problems.title'), problems);
  const first = problems.map((problem) => state.form.control(problem.field)).find(Boolean);
  first?.element.focus();
}

function drawResults() {
  place('results').hidden = state.results.length === 0;
  place('cards').replaceChildren(...state.results.map(({ film, answer }) => predictionCard(film, answer, labelOf)));
}

function loginForm() {
  const username = h('input', { id: 'username', name: 'username', autocomplete: 'username', required: true, maxlength: 128, autocapitalize: 'none', spellcheck: 'false' });
  const password = h('input', { id: 'password', name: 'password', type: 'password', autocomplete: 'current-password', required: true, maxlength: 1024 });
  const send = h('button', { type: 'submit' }, t('login.submit'));
  const submit = async (event) => {
    event.preventDefault();
    showProblems('', []);
    send.disabled = true;
    try {
      await api.signIn(username.value, password.value);
      await start();
      say(t('login.done'));
      place('film').querySelector('input')?.focus();
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      showProblems(error.status === 401 ? t('login.refused') : failure(error), []);
      password.value = '';
      password.focus();
    } finally {
      send.disabled = false;
    }
  };
  return h('form', { class: 'card', onsubmit: submit, 'aria-labelledby': 'login-title' },
    h('h2', { id: 'login-title' }, t('login.title')), h('p', { class: 'hint' }, t('login.intro')),
    h('div', { class: 'grid' }, h('div', {}, h('label', { for: 'username' }, t('login.username')), username),
      h('div', {}, h('label', { for: 'password' }, t('login.password')), password)),
    h('div', { class: 'actions' }, send));
}

function drawAll() {
  const draft = state.form?.read().film ?? JSON.parse(sessionStorage.getItem(DRAFT) ?? 'null');
  translatePage();
  place('logout').hidden = !api.signedIn();
  place('login').replaceChildren();
  place('film').replaceChildren();
  state.form = null;
  if (!api.signedIn()) {
    place('login').append(loginForm());
  } else if (state.schema) {
    state.form = filmForm(state.schema, predict);
    place('film').append(state.form.element);
    if (draft) state.form.write(draft);
  }
  drawResults();
}

async function start() {
  if (api.signedIn() && !state.schema) state.schema = await api.schema();
  drawAll();
}

place('lang').addEventListener('change', async (event) => {
  await loadLanguage(event.target.value);
  showProblems('', []);
  say('');
  drawAll();
});
place('logout').addEventListener('click', () => {
  api.signOut();
  sessionStorage.removeItem(DRAFT);
  state.results = [];
  state.form = null;
  drawAll();
  place('username').focus();
});

place('lang').value = await loadLanguage();
try {
  await start();
} catch (error) {
  drawAll();
  showProblems(failure(error), []);
}
