// Another site that somebody looks at while they are logged in: its forms, its frames, its links.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { done, expect, facts, heading, logIn, open } from './browser.mjs';

const { port } = new URL(facts.base);
const page = await open();
await logIn(page, 'ann', facts.password);
await heading(page, 'Hello, ann');
const token = await page.locator('input[name=csrf]').first().inputValue();

const evil = createServer((request, response) => {
  response.setHeader('Content-Type', 'text/html');
  const known = request.url === '/known' ? token : 'guessed';
  response.end(request.url === '/frame'
    ? `<iframe src="${facts.base}/settings" id="frame"></iframe>`
    : `<form method="post" action="${facts.base}/organizations"><input name="csrf" value="${known}">
       <input name="name" value="evil"><button>Win a prize</button></form>`);
}).listen(0, '127.0.0.1');
await once(evil, 'listening');
// Another port is another origin, but the same site: cookies come along.
const elsewhere = `http://127.0.0.1:${evil.address().port}`;
for (const path of ['/guessed', '/known']) {
  await page.goto(elsewhere + path);
  const [answer] = await Promise.all([page.waitForResponse(`${facts.base}/organizations`), page.getByRole('button').click()]);
  expect(answer.status() === 403, `${path}: ${answer.status()}`);
  await heading(page, 'That did not come from here');
}
await page.goto('/organizations');
expect(!(await page.content()).includes('/organizations/evil'), 'nothing was made');

// No other site has it in a frame.
const framed = await page.context().newPage();
await framed.goto(`${elsewhere}/frame`);
const inner = framed.frames().find((frame) => frame.parentFrame());
expect(!(await inner.content()).includes('Settings'), 'it is in a frame');

// The log-in leads nowhere else.
for (const next of ['//evil.example', `https://evil.example`, '/\\evil.example', `http:${port}`]) {
  const visitor = await open();
  await visitor.goto(`/login?next=${encodeURIComponent(next)}`);
  await visitor.getByLabel('Name').fill('ann');
  await visitor.getByLabel('Password').fill(facts.password);
  await visitor.getByRole('button', { name: 'Log in' }).click();
  await heading(visitor, 'Hello, ann');
  expect(visitor.url() === `${facts.base}/`, visitor.url());
}

// A session that somebody else has chosen is not the one that a login gives.
const fixed = 'A'.repeat(43);
const victim = await open();
await victim.context().addCookies([{ name: 'entrepot', value: fixed, url: facts.base }]);
await logIn(victim, 'ann', facts.password);
await heading(victim, 'Hello, ann');
const { value } = (await victim.context().cookies()).find(({ name }) => name === 'entrepot');
expect(value !== fixed, 'the session was fixed');
evil.close();
evil.closeAllConnections();
await done();
