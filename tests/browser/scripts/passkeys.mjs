// Passkeys: made, shown after the password, and in place of it.

import { authenticator } from './authenticator.mjs';
import { done, expect, facts, heading, logIn, look, open, recoveryCodes, says, send } from './browser.mjs';

const scripts = (page) => page.locator('script').count();
const page = await open();
const { client, authenticatorId } = await authenticator(page);
await logIn(page, 'ann', facts.password);
await heading(page, 'Hello, ann');
expect(await scripts(page) === 0, 'a page runs a script that it does not need');

// The first one takes the password, and has recovery codes made with it.
await page.goto('/settings/second-factor');
await says(page, 'It is off');
await look(page);
await send(page, { 'Your password': 'wrong password' }, 'Add a passkey');
await says(page, 'It has to be the password that counts now.');
await look(page);
await send(page, { 'Your password': facts.password }, 'Add a passkey');
await says(page, 'Your browser asks where to keep it.');
expect(await scripts(page) === 1, 'there is one script');
await look(page);
await send(page, { 'What you call it': 'the laptop' }, 'Make the passkey');
await heading(page, 'Second factor');
const codes = await recoveryCodes(page);
expect(codes.length === 10, `${codes.length} recovery codes`);
await look(page);
await page.goto('/settings/second-factor');
await says(page, 'It is on');
await says(page, 'not used yet');
await look(page);
const kept = await client.send('WebAuthn.getCredentials', { authenticatorId });
expect(kept.credentials.length === 1 && kept.credentials[0].rpId === 'localhost', JSON.stringify(kept));

// The same device is not asked for a second one. Who has a passkey shows it, and types nothing.
await page.getByRole('button', { name: 'Add a passkey' }).click();
await says(page, 'Your browser asks where to keep it.');
await send(page, { 'What you call it': 'again' }, 'Make the passkey');
await says(page, 'This device has a passkey for the account already.');
await look(page);

// After the password.
await page.getByRole('button', { name: 'Log out' }).click();
await says(page, 'You are logged out.');
await logIn(page, 'ann', facts.password);
await heading(page, 'One more step');
await look(page);
await page.getByRole('button', { name: 'Use a passkey' }).click();
await heading(page, 'Hello, ann');
await page.goto('/settings/sessions');
await says(page, 'by second-factor');

// By itself, and on to where somebody wanted to go.
await page.getByRole('button', { name: 'Log out' }).click();
await says(page, 'You are logged out.');
await page.goto('/settings/sessions');
await look(page);
expect(await scripts(page) === 0, 'the log-in needs no script');
await page.getByRole('button', { name: 'Use a passkey' }).click();
await heading(page, 'Log in with a passkey');
await look(page);
await page.getByRole('button', { name: 'Use a passkey' }).click();
await heading(page, 'Sessions');
await says(page, 'by passkey');

// Whoever does not unlock it does not come in by it alone.
await page.getByRole('button', { name: 'Log out' }).click();
await says(page, 'You are logged out.');
await client.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
await page.goto('/login');
await page.getByRole('button', { name: 'Use a passkey' }).click();
await page.getByRole('button', { name: 'Use a passkey' }).click();
await says(page, 'It was not shown, or it took too long.');
await look(page);
await client.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });

// A browser without an authenticator, and one without scripts: a recovery code does.
const plain = await open({ javaScriptEnabled: false });
await logIn(plain, 'ann', facts.password);
await heading(plain, 'One more step');
await says(plain, 'needs JavaScript');
await send(plain, { Code: codes[0] }, 'Log in');
await heading(plain, 'Hello, ann');
await done();
