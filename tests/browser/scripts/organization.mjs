// What owners do with an organization: people, teams, robots, tokens. The test uses what is made between the steps.

import { done, expect, facts, heading, logIn, look, open, says, send } from './browser.mjs';

const page = await open();
await logIn(page, 'ann', facts.password);
const once = () => page.locator('[data-once]').innerText();

if (facts.step === 'people') {
  await page.goto('/organizations');
  await look(page);
  await send(page, { Name: 'acme' }, 'Make it');
  await heading(page, 'acme');

  // A team: what it may, and who is in it.
  await page.getByRole('link', { name: 'Teams' }).click();
  await heading(page, 'Teams of acme');
  await send(page, { Name: 'Not A Name' }, 'Make the team');
  await says(page, 'A name is up to 64 characters');
  expect(await page.getByLabel('Name').inputValue() === 'Not A Name', 'what was typed is kept');
  await look(page);
  await send(page, { Name: 'readers', 'What it is for': 'Who reads' }, 'Make the team');
  await heading(page, 'Team readers of acme');
  await says(page, 'Nobody is in it.');
  await send(page, { Repositories: 'other/*' }, 'Give the role');
  await says(page, 'It has to begin with acme/');
  await send(page, { Repositories: 'acme/web*' }, 'Give the role');
  await says(page, 'Saved.');
  await page.getByLabel('Role').selectOption('admin');
  await send(page, { Repositories: 'acme/secret' }, 'Give the role');
  await page.getByRole('button', { name: 'Take back admin on acme/secret' }).click();
  await says(page, 'Removed.');
  await send(page, { 'Name of an account': 'nobody-at-all' }, 'Put into the team');
  await page.getByRole('alert').waitFor();
  await look(page);
  await send(page, { 'Name of an account': 'ann' }, 'Put into the team');
  await page.getByRole('button', { name: 'Remove ann' }).waitFor();
  await look(page);
  await page.getByRole('button', { name: 'Remove ann' }).click();
  await says(page, 'Nobody is in it.');

  // Somebody who is asked into it, and becomes an owner.
  await page.goto('/organizations/acme');
  await send(page, { Who: 'root', 'Into the team': 'readers' }, 'Invite');
  await says(page, 'The invitation stands for a week.');
  await send(page, { Who: 'nobody-at-all' }, 'Invite');
  await says(page, 'There is no');
  await page.goto('/organizations/acme');
  await look(page);
  const root = await open();
  await logIn(root, 'root', facts.password);
  await says(root, 'You are invited');
  await look(root);
  await root.getByRole('button', { name: 'Accept' }).click();
  await heading(root, 'acme');
  await page.reload();
  await page.getByRole('button', { name: 'Make an owner root' }).click();
  await says(page, 'Saved.');
  await page.goto('/organizations/acme/teams');
  await says(page, 'root');
  await look(page);
  await done();
}
if (facts.step === 'machines') {
  // A robot: shown once is what it logs in with, and a new secret ends the one before it.
  await page.goto('/organizations/acme');
  await page.getByRole('link', { name: 'Robots' }).click();
  await look(page);
  await send(page, { Name: 'deploy', 'What it is for': 'The nightly build' }, 'Make the robot');
  await heading(page, 'Robot acme+deploy');
  await says(page, 'It can do nothing until it has a role and a token.');
  await page.getByLabel('push: put images there').check();
  await send(page, { 'What it is for': 'runner' }, 'Make the token');
  const rotated = await once();
  await look(page);
  await page.getByRole('button', { name: 'New secret runner' }).click();
  await page.getByRole('heading', { name: 'The new secret' }).waitFor();
  const robot = await once();
  expect(robot !== rotated, 'another secret');
  await page.getByRole('link', { name: 'Done' }).click();
  expect(!(await page.content()).includes(robot), 'it is not shown again');
  await page.getByLabel('Role').selectOption('write');
  await send(page, { Repositories: 'acme/*' }, 'Give the role');
  await page.getByRole('button', { name: 'Stop it' }).click();
  await says(page, 'It is stopped');
  await look(page);
  await page.getByRole('button', { name: 'Let it go on' }).click();
  await says(page, 'Saved.');

  await page.getByRole('link', { name: 'Tokens' }).click();
  await heading(page, 'Tokens of acme');
  await page.getByLabel('pull: get images').uncheck();
  await send(page, { 'What it is for': 'mirror' }, 'Make the token');
  await says(page, 'A token is for one of these at least');
  await look(page);
  await page.getByLabel('push: put images there').check();
  await page.getByRole('button', { name: 'Make the token' }).click();
  const organization = await once();
  await look(page);

  await page.getByRole('link', { name: 'Jobs' }).click();
  await look(page);
  await send(page, { 'Identity token': 'no token' }, 'Test it');
  expect(await page.getByLabel('Identity token').getAttribute('aria-invalid') === 'true', 'no token is none');
  await done({ robot, rotated, organization });
}
if (facts.step === 'end') {
  await page.goto('/organizations/acme/tokens');
  await page.getByRole('button', { name: 'Revoke mirror' }).click();
  await says(page, 'The token has ended.');
  await page.goto('/organizations/acme/robots/deploy');
  await send(page, { 'Its name, to be sure': 'deplo' }, 'Remove the robot');
  await says(page, 'Nothing is removed until you type it');
  await send(page, { 'Its name, to be sure': 'deploy' }, 'Remove the robot');
  await heading(page, 'Robots of acme');
  await says(page, 'There are none.');
  await page.goto('/organizations/acme/teams/readers');
  await send(page, { 'Its name, to be sure': 'readers' }, 'Remove the team');
  await heading(page, 'Teams of acme');
  await says(page, 'There are none.');
  await done();
}
