// Several passkeys, and what is left when they go.

import { authenticator } from './authenticator.mjs';
import { done, expect, facts, heading, logIn, look, open, recoveryCodes, says, sendOne } from './browser.mjs';

const CODE = 'Recovery code';
const page = await open();
await authenticator(page);
await logIn(page, 'ann', facts.password);
await page.goto('/settings/second-factor');
await sendOne(page, { 'Your password': facts.password }, 'Add a passkey');
await says(page, 'Your browser asks where to keep it.');
await sendOne(page, { 'What you call it': 'the laptop' }, 'Make the passkey');
const codes = await recoveryCodes(page);

// Another, on a key that is only touched; a code in place of the first, which is elsewhere. Then the first goes.
const key = await open();
await authenticator(key, { transport: 'usb', hasResidentKey: false, hasUserVerification: false, isUserVerified: false });
await logIn(key, 'ann', facts.password);
await sendOne(key, { Code: codes[0] }, 'Log in');
await heading(key, 'Hello, ann');
await key.goto('/settings/second-factor');
await sendOne(key, { [CODE]: 'wrong' }, 'Add a passkey');
await says(key, 'It is not right');
await look(key);
await sendOne(key, { [CODE]: codes[1] }, 'Add a passkey');
await says(key, 'Your browser asks where to keep it.');
await sendOne(key, { 'What you call it': 'the key' }, 'Make the passkey');
await says(key, 'The passkey is added.');
await look(key);
await key.getByLabel('Which to remove').selectOption({ label: 'the laptop' });
await key.getByRole('button', { name: 'Remove it' }).click();
await says(key, 'The passkey is removed.');
expect(!(await key.content()).includes('the laptop'), 'it is still there');

// What was removed lets nobody in.
await page.getByRole('button', { name: 'Log out' }).click();
await says(page, 'You are logged out.');
await page.goto('/login');
await page.getByRole('button', { name: 'Use a passkey' }).click();
await heading(page, 'Log in with a passkey');
await page.getByRole('button', { name: 'Use a passkey' }).click();
await says(page, 'No account was found for that passkey');
await look(page);

// The registry under another name has no passkeys, and says where they are.
const elsewhere = await open({ baseURL: facts.elsewhere });
await elsewhere.goto('/login');
expect(await elsewhere.getByRole('button', { name: 'Use a passkey' }).count() === 0, 'it is offered where it cannot be');
await logIn(elsewhere, 'ann', facts.password);
await sendOne(elsewhere, { Code: codes[2] }, 'Log in');
await heading(elsewhere, 'Hello, ann');
await elsewhere.goto('/settings/second-factor');
await says(elsewhere, `They belong to ${facts.base}`);
await look(elsewhere);

await key.getByRole('button', { name: 'Turn it off' }).click();
await says(key, 'The second factor is off.');
await says(key, 'There is none yet.');
await done();
