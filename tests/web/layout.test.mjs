// Pure parts of the pages, in node: geometry, dates, numbers, and that both languages say the same things.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { addDays, intervalLayout, nextWednesday } from '../../fcgi/www/assets/layout.mjs';
import { chooseLanguage, parseNumber } from '../../fcgi/www/assets/i18n.mjs';

const words = (tag) => JSON.parse(readFileSync(new URL(`../../fcgi/www/assets/i18n/${tag}.json`, import.meta.url)));

test('both languages have the same keys and the same placeholders', () => {
  const fr = words('fr');
  const en = words('en');
  assert.deepEqual(Object.keys(fr).sort(), Object.keys(en).sort());
  const slots = (text) => (text.match(/\{\w+\}/g) ?? []).sort();
  for (const key of Object.keys(fr)) assert.deepEqual(slots(fr[key]), slots(en[key]), key);
});

test('French puts no-break spaces before high punctuation', () => {
  for (const [key, text] of Object.entries(words('fr'))) assert.doesNotMatch(text, /[^  ] [:;!?»]|« /u, key);
});

test('the interval picture keeps the order of its quantiles and its margins', () => {
  const quantiles = { '0.05': 8000, '0.25': 30000, '0.5': 70000, '0.75': 160000, '0.95': 600000 };
  const place = intervalLayout(quantiles, 560);
  assert.ok(place.outer.x >= 14 && place.outer.x + place.outer.width <= 546);
  assert.ok(place.outer.x < place.inner.x && place.inner.x < place.median);
  assert.ok(place.median < place.inner.x + place.inner.width);
  assert.ok(place.inner.x + place.inner.width < place.outer.x + place.outer.width);
  assert.ok(place.ticks.length >= 2);
  for (let i = 1; i < place.ticks.length; i++) assert.ok(place.ticks[i].x - place.ticks[i - 1].x >= 30);
});

test('an interval that has collapsed to one ticket still draws', () => {
  const place = intervalLayout({ '0.05': 0, '0.25': 0, '0.5': 1, '0.75': 1, '0.95': 1 }, 560);
  assert.ok(Number.isFinite(place.median));
});

test('weeks begin on Wednesday', () => {
  assert.equal(nextWednesday(new Date(2026, 10, 23)), '2026-11-25'); // a Monday
  assert.equal(nextWednesday(new Date(2026, 10, 25)), '2026-11-25');
  assert.equal(nextWednesday(new Date(2026, 11, 31)), '2027-01-06');
  assert.equal(addDays('2026-12-30', 6), '2027-01-05');
});

test('numbers as people type them', () => {
  assert.equal(parseNumber('1 234,5'), 1234.5);
  assert.equal(parseNumber('8\u202f500\u00a0000'), 8500000);
  assert.equal(parseNumber('12.5'), 12.5);
  for (const bad of ['', 'x', '1,2,3', '1e5', '--1']) assert.equal(parseNumber(bad), null, bad);
});

test('the language: query, saved, browser, French', () => {
  assert.equal(chooseLanguage('?lang=en', 'fr', ['fr-FR']), 'en');
  assert.equal(chooseLanguage('?lang=xx', 'en', ['fr-FR']), 'en');
  assert.equal(chooseLanguage('', null, ['de-DE', 'en-GB']), 'en');
  assert.equal(chooseLanguage('', null, ['de-DE']), 'fr');
});
