// Somebody comes in by the button of their company's provider, which is another site, and somebody else does not.

import { done, expect, facts, heading, look, open, says, send } from './browser.mjs';

/** Logs in on the provider's own pages, and agrees. */
async function atTheProvider(page, subject) {
  await page.locator('input[name=login]').fill(subject);
  await page.locator('input[name=password]').fill('any');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
}

/** A browser for which nothing but this machine is there: the provider's pages ask for letters from elsewhere. */
async function browser() {
  const page = await open();
  const elsewhere = ({ hostname }) => !['localhost', '127.0.0.1'].includes(hostname);
  await page.context().route(elsewhere, (route) => route.fulfill({ body: '' }));
  return page;
}

const page = await browser();
await page.goto('/settings/tokens');
await look(page);
await page.getByRole('link', { name: 'Log in with Acme' }).click();
await atTheProvider(page, facts.in);
await heading(page, 'Tokens');
expect(page.url() === `${facts.base}/settings/tokens`, page.url());
const cookies = await page.context().cookies(facts.base);
const named = (name) => cookies.find((cookie) => cookie.name === name);
expect(named('entrepot')?.httpOnly && named('entrepot')?.sameSite === 'Lax', JSON.stringify(cookies));
expect(!named('entrepot-departure'), 'the way there is over');

await send(page, { 'What it is for': 'the laptop' }, 'Make the token');
const token = await page.locator('[data-once]').innerText();
for (const [path, words] of [
  ['/settings', 'Bea Bell'],
  ['/settings/password', 'Change it there.'],
  ['/settings/sessions', 'by provider'],
]) {
  await page.goto(path);
  if (path === '/settings') expect(await page.getByLabel('What you are called').inputValue() === words, 'the name came along');
  else await says(page, words);
  await look(page);
}

// Who logs out at the provider is logged out here, in this browser alone.
const second = await browser();
await second.goto('/login');
await second.getByRole('link', { name: 'Log in with Acme' }).click();
await atTheProvider(second, facts.in);
await heading(second, 'Hello, bea');
await page.goto(`${facts.issuer}/session/end`);
await page.getByRole('button', { name: 'Yes, sign me out' }).click();
await page.waitForURL('**/session/end/success');
await page.goto('/settings');
expect(page.url().includes('/login?next='), 'who logged out at the provider is still in');
await second.goto('/settings');
expect(second.url() === `${facts.base}/settings`, 'another browser was logged out too');
await second.getByRole('button', { name: 'Log out' }).click();
await says(second, 'You are logged out.');

const other = await browser();
await other.goto('/login');
await other.getByRole('link', { name: 'Log in with Acme' }).click();
await atTheProvider(other, facts.out);
await heading(other, 'You are not logged in');
await says(other, 'none of the groups that may come in');
await look(other);
await other.getByRole('link', { name: 'To the log in page' }).click();
await heading(other, 'Log in');
await done({ token });
