// The pages in a real browser: log in, predict, in French and English, narrow and wide, light and dark; and /docs.
// Fails on a console error, a CSP violation, an axe violation, or a request that leaves the origin.
// Environment: URL, MERCREDI_USER, MERCREDI_PASSWORD, WEB_MODULES (folder of node_modules), CHROMIUM, SHOTS (optional).
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const { URL: BASE, MERCREDI_USER, MERCREDI_PASSWORD, WEB_MODULES, CHROMIUM, SHOTS } = process.env;
const require = createRequire(`${WEB_MODULES}/`);
const { chromium } = require('playwright-core');
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

let passed = 0;
let failed = 0;
async function check(name, body) {
  try {
    await body();
    passed += 1;
    console.log(`ok - ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok - ${name}\n    ${String(error.message ?? error).replaceAll('\n', '\n    ')}`);
  }
}
const expect = (condition, message) => { if (!condition) throw new Error(message); };

// A page that remembers everything it must not have done.
async function watchedPage(browser, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const faults = [];
  let expected = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !expected.some((text) => message.text().includes(text))) faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(BASE) && !request.url().startsWith('data:')) faults.push(`off the origin: ${request.url()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return { page, context, clean: () => expect(faults.length === 0, faults.join('\n')), allow: (texts) => { expected = texts; } };
}

async function axe(page, where) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: { type: 'tag', values: tags } }), RULES);
  expect(violations.length === 0, `${where}: ${violations.map((v) => `${v.id} (${v.nodes.map((n) => n.target).join(', ')})`).join('; ')}`);
}

async function narrowEnough(page) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(over <= 0, `the page scrolls sideways by ${over} px`);
}

async function logIn(page) {
  await page.fill('#username', MERCREDI_USER);
  await page.fill('#password', MERCREDI_PASSWORD);
  await page.click('#login button[type=submit]');
  await page.waitForSelector('#film form');
}

async function journey(browser, { lang, width, colorScheme }) {
  const { page, context, clean } = await watchedPage(browser, { viewport: { width, height: 900 }, colorScheme });
  const shot = async (name) => { if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}-${lang}-${width}-${colorScheme}.png`, fullPage: true }); };
  await page.goto(`${BASE}/?lang=${lang}`);
  await page.waitForSelector('#login form');
  expect(await page.getAttribute('html', 'lang') === lang, 'html lang');
  await axe(page, 'login');
  await shot('login');
  await logIn(page);
  await axe(page, 'form');
  expect((await page.textContent('label[for=f-screens]')).includes(lang === 'fr' ? '(cinémas)' : '(cinemas)'), 'units speak the language of the page');
  await narrowEnough(page);
  await page.fill('#f-title', 'Les Lumières de la ville <b>basse</b>');
  await page.fill('#f-release_date', '2027-03-10');
  await page.fill('#f-duration_min', '112');
  await page.fill('#f-genres', lang === 'fr' ? 'Comédie' : 'Comedy');
  await page.keyboard.press('Enter');
  await page.fill('#f-budget', '8 500 000');
  await page.click('#film button[type=submit]');
  await page.waitForSelector('#cards article');
  const card = await page.textContent('#cards article');
  expect(card.includes('<b>basse</b>'), 'the title is shown as text');
  expect(/\d/.test(await page.textContent('#cards .figure')), 'a figure is shown');
  expect(!card.includes('{') && !card.includes('undefined') && !card.includes('NaN'), `unfilled text in: ${card}`);
  expect(!/\d{4}-\d{2}-\d{2}/.test(card), `a date that people do not write so, in: ${card}`);
  expect((await page.textContent('#cards .warnings')).includes(lang === 'fr' ? 'décembre 2022' : 'December'), 'warnings name days in words');
  await axe(page, 'prediction');
  await narrowEnough(page);
  await shot('prediction');
  await page.reload();
  await page.waitForSelector('#film form');
  expect(await page.inputValue('#f-title') !== '', 'the typed film survives a reload');
  clean();
  await context.close();
}

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

for (const lang of ['fr', 'en']) {
  for (const width of [320, 1200]) {
    for (const colorScheme of ['light', 'dark']) {
      await check(`log in and predict: ${lang}, ${width} px, ${colorScheme}`, () => journey(browser, { lang, width, colorScheme }));
    }
  }
}

await check('mistakes are listed, tied to their fields, and leave focus on the first', async () => {
  const { page, context, clean, allow } = await watchedPage(browser, { viewport: { width: 1200, height: 900 } });
  allow(['422']);
  await page.goto(`${BASE}/?lang=fr`);
  await logIn(page);
  await page.click('#film button[type=submit]');
  await page.waitForSelector('#problems li');
  expect(await page.evaluate(() => document.activeElement.id) === 'f-title', 'focus on the first mistake');
  await page.fill('#f-title', 'Un film');
  await page.fill('#f-duration_min', '4');
  await page.click('#film button[type=submit]');
  await page.waitForSelector('#f-duration_min[aria-invalid=true]');
  expect((await page.textContent('#f-duration_min-error')).length > 5, 'the server\'s range is told at the field');
  await axe(page, 'mistakes');
  clean();
  await context.close();
});

await check('a wrong password says so and keeps the form', async () => {
  const { page, context, clean, allow } = await watchedPage(browser, { viewport: { width: 400, height: 800 } });
  allow(['401']);
  await page.goto(`${BASE}/?lang=en`);
  await page.fill('#username', MERCREDI_USER);
  await page.fill('#password', 'certainly not this');
  await page.click('#login button[type=submit]');
  await page.waitForSelector('#problems h2');
  expect((await page.textContent('#problems')).includes('Wrong user name'), 'the reason');
  clean();
  await context.close();
});

await check('the keyboard alone: skip link, language, log out', async () => {
  const { page, context, clean } = await watchedPage(browser, { viewport: { width: 1200, height: 900 } });
  await page.goto(`${BASE}/?lang=fr`);
  await page.waitForSelector('#login form');
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement.className) === 'skip', 'first stop is the skip link');
  await page.selectOption('#lang', 'en');
  await page.waitForFunction(() => document.documentElement.lang === 'en');
  expect((await page.textContent('h1')).includes('admissions'), 'the page changed its language');
  await logIn(page);
  await page.click('#logout');
  await page.waitForSelector('#login form');
  clean();
  await context.close();
});

await check('/docs: Swagger UI logs in and predicts under its policy', async () => {
  const { page, context, clean } = await watchedPage(browser, { viewport: { width: 1200, height: 1000 } });
  await page.goto(`${BASE}/docs`);
  await page.waitForSelector('#swagger-ui .opblock');
  await page.click('.btn.authorize');
  await page.fill('input[name=username], #oauth_username', MERCREDI_USER);
  await page.fill('input[name=password], #oauth_password', MERCREDI_PASSWORD);
  await page.click('.modal-ux .btn.authorize');
  await page.waitForSelector('.modal-ux .btn-done, .modal-ux button:has-text("Logout")');
  await page.click('.modal-ux .btn-done');
  await page.click('.opblock-post:has([data-path="/predict"]) .opblock-summary-control');
  await page.click('.opblock-post:has([data-path="/predict"]) .execute');
  await page.waitForSelector('.opblock-post:has([data-path="/predict"]) .live-responses-table .response-col_status');
  const status = await page.textContent('.opblock-post:has([data-path="/predict"]) .live-responses-table .response .response-col_status');
  expect(status.trim().startsWith('200'), `status ${status}`);
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/docs.png` });
  clean();
  await context.close();
});

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
