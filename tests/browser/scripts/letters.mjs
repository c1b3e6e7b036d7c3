// Accounts, invitations and passwords by letters. The test fetches the letters between the steps.

import { done, facts, heading, logIn, look, open, says, send } from './browser.mjs';

const page = await open();
if (facts.step === 'ask') {
  await page.goto('/sign-up');
  await look(page);
  await send(page, { Name: 'ben', 'E-mail': 'ben@acme.example', Password: 'short' }, 'Sign up');
  await page.locator('#signup-password-mistake').waitFor();
  await send(page, { Password: facts.password }, 'Sign up');
  await heading(page, 'Look for a letter');
  await look(page);
  await logIn(page, 'root', facts.password);
  await page.goto('/organizations');
  await send(page, { Name: 'acme' }, 'Make it');
  await send(page, { Who: 'eve@acme.example' }, 'Invite');
  await says(page, 'The invitation stands for a week.');
}
if (facts.step === 'follow') {
  await page.goto(facts.signUp);
  await look(page);
  await page.getByRole('button', { name: 'Make the account' }).click();
  await says(page, 'Your account is there');
  await heading(page, 'Hello, ben');
  await page.getByRole('button', { name: 'Log out' }).click();
  await says(page, 'You are logged out.');
  await page.goto(facts.signUp);
  await heading(page, 'This link does not work');
  await page.goto(facts.invitation);
  await look(page);
  await send(page, { Name: 'eve', Password: facts.password }, 'Make an account and accept');
  await says(page, 'Your account is there, and you are in.');
  await heading(page, 'acme');
  await page.goto('/settings');
  await heading(page, 'Profile');
  const other = await open();
  await other.goto('/reset');
  await send(other, { 'E-mail': 'ben@acme.example' }, 'Send a link');
  await heading(other, 'Look for a letter');
}
if (facts.step === 'reset') {
  await page.goto(facts.reset);
  await look(page);
  await send(page, { 'New password': 'another long password' }, 'Change the password');
  await says(page, 'Your password is changed');
  await page.goto('/settings');
  await heading(page, 'Log in');
  await logIn(page, 'ben', 'another long password');
  await heading(page, 'Hello, ben');
}
await done();
