// Words in two languages, French first. Order of choice: ?lang= → saved → the browser's → French.
const SAVED = 'mercredi.lang';
const LANGUAGES = ['fr', 'en'];
let words = {};
let language = 'fr';

export function chooseLanguage(query, saved, browser) {
  const wanted = [new URLSearchParams(query).get('lang'), saved, ...(browser ?? []).map((tag) => tag.slice(0, 2))];
  return wanted.find((tag) => LANGUAGES.includes(tag)) ?? 'fr';
}

export async function loadLanguage(wanted) {
  language = wanted ?? chooseLanguage(location.search, localStorage.getItem(SAVED), navigator.languages);
  if (wanted) localStorage.setItem(SAVED, wanted);
  const response = await fetch(`/assets/i18n/${language}.json`);
  words = await response.json();
  document.documentElement.lang = language;
  return language;
}

export const currentLanguage = () => language;

// t('key', {name: 'x'}): the text with {name} filled in; the key itself when there is no such text.
export function t(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
export const known = (key) => key in words;

// Texts that stand in the HTML: data-i18n="key" and data-i18n-label="key" (aria-label).
export function translatePage(root = document) {
  for (const element of root.querySelectorAll('[data-i18n]')) element.textContent = t(element.dataset.i18n);
  for (const element of root.querySelectorAll('[data-i18n-label]')) {
    element.setAttribute('aria-label', t(element.dataset.i18nLabel));
  }
  document.title = `${t('nav.forecast')} – Mercredi`;
}

export const formatNumber = (value) => new Intl.NumberFormat(language).format(value);
// No false precision: three significant figures.
export const formatTickets = (value) =>
  new Intl.NumberFormat(language, { maximumSignificantDigits: 3 }).format(value);
export const formatPercent = (share) => new Intl.NumberFormat(language, { style: 'percent' }).format(share);
export function formatDate(iso) {
  const date = new Date(`${iso}T00:00:00Z`);
  if (Number.isNaN(date.getTime())) return iso;
  return new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' }).format(date);
}

// "1 234,5", "1.234,5" is not guessed at, "1234.5": blanks are dropped and one comma is a decimal comma. null: no number.
export function parseNumber(text) {
  const compact = text.replace(/[\s\u00a0\u202f]/g, '').replace(',', '.');
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(compact) ? Number(compact) : null;
}
