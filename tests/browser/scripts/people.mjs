// What people do with their own accounts: tokens, two steps to log in, sessions, organizations.

import { done, expect, facts, heading, logIn, look, open, recoveryCodes, says, send, sendOne } from './browser.mjs';
import { code } from './totp.mjs';

const page = await open({ userAgent: 'Testing Browser' });
await page.goto('/settings/tokens');
await send(page, { Name: 'ann', Password: facts.password }, 'Log in');
await heading(page, 'Tokens');

// A token is shown once.
await look(page);
await page.getByLabel('push: put images there').check();
await send(page, { 'What it is for': 'the laptop' }, 'Make the token');
let token = await page.locator('[data-once]').innerText();
expect(token.startsWith('ept_'), token);
await look(page);
await page.goto('/settings/tokens');
await says(page, 'the laptop');
expect(!(await page.content()).includes(token), 'it is not shown again');
await send(page, { 'What it is for': 'for nothing', 'Only on': 'not/a pattern!' }, 'Make the token');
await says(page, 'A pattern is 1 to 255 characters');
expect(await page.getByLabel('What it is for').inputValue() === 'for nothing', 'the label is kept');

await page.getByRole('button', { name: 'New secret the laptop' }).click();
const rotated = await page.locator('[data-once]').innerText();
expect(rotated.startsWith('ept_') && rotated !== token, rotated);
token = rotated;

await page.goto('/settings');
await look(page);
await send(page, { 'What you are called': 'Ann of acme' }, 'Save');
await says(page, 'Saved.');
await send(page, { 'E-mail': 'ann@b.example', 'Your password': 'wrong password' }, 'Change the address');
await says(page, 'It has to be the password that counts now.');
await page.goto('/settings/password');
await look(page);

// Two steps, from now on.
await page.goto('/settings/second-factor');
await look(page);
await page.getByRole('button', { name: 'Set it up' }).click();
await look(page);
const secret = await page.locator('[data-once]').innerText();
await send(page, { 'The code that it shows now': '000000' }, 'Turn it on');
await says(page, 'It is not right');
expect(await page.locator('[data-once]').innerText() === secret, 'the same secret, after a wrong code');
// The code of the step before, so that this step's is still good to log in with.
await send(page, { 'The code that it shows now': code(secret, -1) }, 'Turn it on');
const codes = await recoveryCodes(page);
expect(codes.length === 10, `${codes.length} recovery codes`);
await look(page);
await page.goto('/settings/second-factor');
await says(page, 'It is on');
await look(page);

const other = await open({ userAgent: 'Another Browser' });
await logIn(other, 'ann', facts.password);
await heading(other, 'One more step');
await look(other);
await send(other, { Code: '123456' }, 'Log in');
await other.getByText('not right').waitFor();
await send(other, { Code: code(secret) }, 'Log in');
await heading(other, 'Hello, ann');
const third = await open();
await logIn(third, 'ann', facts.password);
await send(third, { Code: codes[0] }, 'Log in');
await heading(third, 'Hello, ann');
await logIn(third, 'ann', facts.password);
await send(third, { Code: codes[0] }, 'Log in');
await third.getByText('not right').waitFor();

// Who ends the others is alone.
await page.goto('/settings/sessions');
await says(page, 'Another Browser');
await says(page, 'this one');
await look(page);
await page.getByRole('button', { name: 'End all others' }).click();
await says(page, 'It has ended.');
await other.goto('/settings');
expect(other.url().includes('/login'), other.url());

await page.goto('/settings/second-factor');
await sendOne(page, { 'Code of your app, or a recovery code': codes[1] }, 'Turn it off');
await says(page, 'The second factor is off.');

await done({ token });
