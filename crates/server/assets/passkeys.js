// What no page can do without a script: ask the browser for a passkey. The answer goes into the form, and the form goes as every other.
'use strict';

const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
const PARTS = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'];

/** What the page was given, as browsers want it: bytes in place of text. */
function read(json) {
  const options = JSON.parse(json);
  options.challenge = bytes(options.challenge);
  if (options.user) options.user.id = bytes(options.user.id);
  for (const known of [...(options.allowCredentials ?? []), ...(options.excludeCredentials ?? [])]) known.id = bytes(known.id);
  return options;
}

async function ask(json) {
  const publicKey = read(json);
  const { id, response } = await (publicKey.user ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
  const parts = PARTS.filter((part) => response[part]).map((part) => [part, text(response[part])]);
  return JSON.stringify({ id, response: Object.fromEntries(parts) });
}

const why = {
  InvalidStateError: 'This device has a passkey for the account already.',
  NotAllowedError: 'It was not shown, or it took too long. Try once more.',
};

for (const form of document.querySelectorAll('form[data-passkey]')) {
  const { passkey, code } = form.elements;
  form.querySelector('[data-without]').remove();
  const says = form.querySelector('[data-says]');
  const say = (words) => {
    says.textContent = words;
    says.hidden = false;
  };
  form.addEventListener('submit', async (event) => {
    if (passkey.value || code?.value) return;
    event.preventDefault();
    if (!navigator.credentials || !window.PublicKeyCredential) return say('This browser has no passkeys here.');
    says.hidden = true;
    try {
      passkey.value = await ask(form.dataset.passkey);
      form.submit();
    } catch (error) {
      say(why[error.name] ?? 'That did not work with this browser or device.');
    }
  });
}
