// What somebody sees who is not logged in, and how the first administrator comes to be.

import { done, expect, facts, heading, logIn, look, open, says, send } from './browser.mjs';

const page = await open();
for (const path of ['/', '/login', '/reset', '/sign-up', '/link/reset/nothing', '/organizations']) {
  await page.goto(path);
  await look(page);
}
// What is for people who are logged in leads to the log-in, and back.
await page.goto('/settings/tokens');
expect(page.url().endsWith('/login?next=%2Fsettings%2Ftokens'), page.url());

// A mistake is said beside its field, what was typed stays, but for the password.
await page.goto(facts.setUp);
await look(page);
await send(page, { Name: 'Not A Name', Password: facts.password }, 'Make the administrator');
await page.getByText('A name is up to 64 characters').waitFor();
expect(await page.getByLabel('Name').inputValue() === 'Not A Name', 'the name is kept');
expect(await page.getByLabel('Password').inputValue() === '', 'the password is not');
expect(await page.getByLabel('Name').getAttribute('aria-invalid') === 'true', 'the field is marked');
expect(await page.evaluate(() => document.activeElement?.getAttribute('name')) === 'name', 'the cursor is in it');
await look(page);
await send(page, { Name: 'root', Password: facts.password }, 'Make the administrator');
await says(page, 'You are the first administrator');
await heading(page, 'Hello, root');
await page.goto('/settings/sessions');
await says(page, 'by link');
await page.getByRole('button', { name: 'Log out' }).click();
await says(page, 'You are logged out.');
await page.goto(facts.setUp);
await heading(page, 'This link does not work');

await logIn(page, 'root', 'wrong password');
await page.getByRole('alert').waitFor();
await look(page);
await logIn(page, 'root', facts.password);
await heading(page, 'Hello, root');
await look(page);
const cookies = await page.context().cookies();
expect(cookies.some(({ name, httpOnly, sameSite }) => name === 'entrepot' && httpOnly && sameSite === 'Lax'), JSON.stringify(cookies));
await page.getByRole('button', { name: 'Log out' }).click();
await says(page, 'You are logged out.');
await page.getByRole('link', { name: 'Log in' }).first().waitFor();
await page.goto('/settings');
expect(page.url().includes('/login?next='), 'who is out is out');
await done();
