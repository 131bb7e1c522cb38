// One prediction as a card: the figure, its interval as a sentence and a picture, the data behind it, and every doubt.
import { h, s } from './h.mjs';
import { intervalLayout } from './layout.mjs';
import { formatDate, formatPercent, formatTickets, known, t } from './i18n.mjs';

const WIDTH = 560;

function picture(answer) {
  const place = intervalLayout(answer.quantiles, WIDTH);
  const sentence = t('card.picture', {
    median: formatTickets(answer.admissions),
    low50: formatTickets(answer.quantiles['0.25']), high50: formatTickets(answer.quantiles['0.75']),
    low90: formatTickets(answer.quantiles['0.05']), high90: formatTickets(answer.quantiles['0.95']),
  });
  return h('figure', {},
    s('svg', { viewBox: `0 0 ${WIDTH} 64`, role: 'img', 'aria-label': sentence },
      s('line', { class: 'axis', x1: 0, x2: WIDTH, y1: 42, y2: 42 }),
      s('rect', { class: 'band-90', x: place.outer.x, width: place.outer.width, y: 18, height: 10, rx: 5 }),
      s('rect', { class: 'band-50', x: place.inner.x, width: place.inner.width, y: 13, height: 20, rx: 4 }),
      s('circle', { class: 'dot', cx: place.median, cy: 23, r: 8 }),
      place.ticks.map((tick) => [s('line', { class: 'axis', x1: tick.x, x2: tick.x, y1: 38, y2: 46 }),
        s('text', { x: tick.x, y: 60, 'text-anchor': 'middle' }, formatTickets(tick.value))])),
    h('figcaption', {}, t('card.legend')));
}

function table(answer) {
  const levels = Object.keys(answer.quantiles).sort((a, b) => a - b);
  return h('details', {}, h('summary', {}, t('card.data')),
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': t('card.data') }, h('table', {},
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, t('card.chance')), h('th', { scope: 'col' }, t('card.tickets')))),
      h('tbody', {}, levels.map((level) => h('tr', {}, h('td', {}, formatPercent(Number(level))),
        h('td', {}, formatTickets(answer.quantiles[level]))))))));
}

// Factors of the fields, the weightiest first: their product with the base is the figure.
function reasons(answer, labelOf) {
  if ((answer.explanation ?? []).length === 0) return null;
  const weighty = answer.explanation.filter(({ factor }) => Math.abs(Math.log(factor)) > 0.02).slice(0, 8);
  const label = (field) => (field === 'market' ? t('card.market') : labelOf(field));
  return h('details', {}, h('summary', {}, t('card.why')),
    h('p', {}, t('card.base', { tickets: formatTickets(Math.round(answer.base)) })),
    h('ul', {}, weighty.map(({ field, factor }) => h('li', {}, `${label(field)}: ×${factor.toFixed(2)}`))),
    (answer.similar ?? []).length === 0 ? null
      : h('p', {}, t('card.similar', { titles: answer.similar.map(({ title, year }) => `${title} (${year})`).join(', ') })));
}

const ISO_DATE = /^\d{4}-\d{2}-\d{2}$/;

export function warningText(warning, labelOf) {
  const key = `warning.${warning.code}`;
  const value = ISO_DATE.test(warning.value ?? '') ? formatDate(warning.value) : warning.value ?? '';
  return known(key) ? t(key, { field: labelOf(warning.field ?? ''), value }) : warning.code;
}

export function predictionCard(film, answer, labelOf) {
  const { interval } = answer;
  const chances = Math.round(interval.level * 10);
  return h('article', { class: 'card' },
    h('h3', {}, film.title),
    h('p', { class: 'meta' }, t('card.release', { date: formatDate(film.release_date) })),
    h('p', { class: 'figure' }, t('card.median', { tickets: formatTickets(answer.admissions) })),
    h('p', {}, t('card.interval', { chances, low: formatTickets(interval.low), high: formatTickets(interval.high) })),
    picture(answer), table(answer), reasons(answer, labelOf),
    h('p', { class: `reliability-${answer.reliability}` }, t(`reliability.${answer.reliability}`)),
    (answer.warnings ?? []).length === 0 ? null
      : h('ul', { class: 'warnings' }, answer.warnings.map((warning) => h('li', {}, warningText(warning, labelOf)))),
    h('p', { class: 'meta' }, t('card.model', {
      version: answer.model.version, date: formatDate(answer.histories_as_of), id: answer.prediction_id,
    })));
}
