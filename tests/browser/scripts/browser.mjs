// What every script needs: a browser that reports what goes wrong in it, and the checks that hold for every page.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const [modules, executablePath] = process.argv.slice(2);
const require = createRequire(join(modules, 'none.js'));
const { chromium } = require('playwright-core');
const { AxeBuilder } = require('@axe-core/playwright');

// A test that hangs is to fail, and to say where it was.
const PATIENCE = 10_000;
setTimeout(() => { console.error('the browser took too long'); process.exit(1); }, 200_000).unref();

/** What the test knows. */
export const facts = JSON.parse(await text(process.stdin));

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const wrong = [];

export function expect(holds, what) {
  if (!holds) throw new Error(what);
}

/** A browser of somebody's own: nobody else's cookies are in it. */
export async function open(options = {}) {
  const context = await browser.newContext({ baseURL: facts.base, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.on('pageerror', (error) => wrong.push(`${page.url()}: ${error}`));
  page.on('console', (message) => {
    // An answer with an error's status is one that the script asks for.
    const told = message.text().startsWith('Failed to load resource: the server responded with a status');
    if (message.type() === 'error' && !told) wrong.push(`${page.url()}: ${message.text()}`);
  });
  return page;
}

/** Looks at a page as everybody does: in both themes, on a telephone, and through a screen reader. */
export async function look(page) {
  const size = page.viewportSize();
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page }).analyze();
    for (const { id, impact, nodes } of violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))) {
      wrong.push(`${page.url()} (${colorScheme}): ${impact}: ${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    }
  }
  await page.setViewportSize({ width: 360, height: 740 });
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (over > 0) wrong.push(`${page.url()} is ${over} pixels too wide for a telephone`);
  await page.setViewportSize(size);
}

/** Fills a form by its labels, and sends it with the button of this name. */
export async function send(page, values, button) {
  for (const [label, value] of Object.entries(values)) {
    await page.getByLabel(label, { exact: false }).first().fill(value);
  }
  await page.getByRole('button', { name: button }).first().click();
}

/** Sends the form that has this button, filled by its labels. */
export async function sendOne(page, values, button) {
  const form = page.locator('form', { has: page.getByRole('button', { name: button, exact: true }) });
  for (const [label, value] of Object.entries(values)) await form.getByLabel(label).fill(value);
  await form.getByRole('button').click();
}

export async function says(page, words) {
  await page.getByText(words).first().waitFor();
}

/** The codes that the page which comes next shows once. */
export async function recoveryCodes(page) {
  const codes = page.locator('.codes li');
  // To read while a page goes fails; to wait does not.
  await codes.first().waitFor();
  return codes.allInnerTexts();
}

export async function heading(page, words) {
  await page.getByRole('heading', { level: 1, name: words }).waitFor();
}

export async function logIn(page, name, password) {
  await page.goto('/login');
  await send(page, { Name: name, Password: password }, 'Log in');
}

/** Ends the browser, and says what was found. */
export async function done(found = {}) {
  await browser.close();
  if (wrong.length) throw new Error(wrong.join('\n'));
  console.log(JSON.stringify(found));
  process.exit(0);
}
