// A program that has no browser is let in by somebody who has one, or turned away.

import { done, expect, facts, heading, look, open, says, send } from './browser.mjs';

const page = await open();
const { approved, denied } = facts;
await page.goto(`/device?code=${approved}`);
await send(page, { Name: 'ann', Password: facts.password }, 'Log in');
await heading(page, 'Log a program in');
for (const words of [approved, 'acme-tool on laptop', 'logged in as ann', 'pull, push, delete', 'then turn it away']) await says(page, words);
expect(!(await page.content()).includes('from elsewhere'), 'it asks from where the browser is');
await look(page);
await page.getByRole('button', { name: 'Let it in' }).click();
await says(page, 'It is let in.');
expect(page.url().endsWith('/device?done=let-in'), page.url());

// Typed as people do; what is no code, and what waits no more.
await look(page);
await send(page, { Code: 'nonsense' }, 'Go on');
await says(page, 'A code has eight letters');
expect(await page.getByLabel('Code').inputValue() === 'nonsense', 'what was typed stays');
await look(page);
await send(page, { Code: approved }, 'Go on');
await says(page, 'Nothing waits with this code');
await send(page, { Code: denied.replace('-', ' ').toLowerCase() }, 'Go on');
await says(page, 'acme-tool');
await page.getByRole('button', { name: 'Turn it away' }).click();
await says(page, 'It is turned away');

// The program asks every few seconds.
for (let looked = 0; looked < 40; looked += 1) {
  await page.goto('/settings/tokens');
  if ((await page.content()).includes('acme-tool on laptop')) break;
  await page.waitForTimeout(500);
}
await says(page, 'acme-tool on laptop');
await says(page, 'logged in from a browser');
await look(page);
await page.getByRole('button', { name: 'Revoke acme-tool on laptop' }).click();
await says(page, 'The token has ended.');
await done();
