// Without JavaScript everything is done as with it.

import { done, expect, facts, heading, logIn, open, says, send } from './browser.mjs';

const page = await open({ javaScriptEnabled: false });
await logIn(page, 'ann', 'wrong password');
await page.getByRole('alert').waitFor();
await logIn(page, 'ann', facts.password);
await heading(page, 'Hello, ann');
await page.goto('/settings/tokens');
await send(page, { 'What it is for': 'the nightly build' }, 'Make the token');
expect((await page.locator('[data-once]').innerText()).startsWith('ept_'), 'no token');
await page.goto('/settings/tokens');
await page.getByRole('button', { name: 'Revoke the nightly build' }).click();
await says(page, 'The token has ended.');
await page.getByRole('button', { name: 'Log out' }).click();
await says(page, 'You are logged out.');
await done();
