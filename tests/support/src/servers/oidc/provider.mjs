// A certified OpenID provider for tests: accounts, groups, two clients, and keys that change when they are told to.
//
// node provider.mjs <node_modules> <port> <settings as JSON: see `Settings` in oidc.rs>
//
// Beside the provider's own routes, all of them POST:
//   /tests/rotate    new signing keys; those before are no longer published
//   /tests/sign      the claims in the body, signed as a token of this provider
//   /tests/accounts  replaces the accounts
//   /tests/once      what renews a login does it once from now on, and a second time ends it
//   /tests/hold      tokens are made from now on, and not handed out
//   /tests/release   until now
//   /tests/tokens    how often tokens were asked for
//   /tests/failing   the path in the body, if there is one, answers with 500 from now on; others do not

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, port, text] = process.argv.slice(2);
const settings = JSON.parse(text);
const load = (path) => import(pathToFileURL(join(modules, path)));
const { default: Provider } = await load('oidc-provider/lib/index.js');
const { SignJWT, importJWK } = await load('jose/dist/webapi/index.js');
const issuer = `http://127.0.0.1:${port}`;

let accounts = settings.accounts;
let keys;
let answer;
let failing = '';
let once = false;
let asked = 0;
let released = Promise.resolve();
let release;

function key(algorithm, kind, options) {
  const { privateKey } = generateKeyPairSync(kind, options);
  return { ...privateKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig', kid: randomUUID() };
}

function client(method, id) {
  return {
    client_id: id,
    client_secret: settings.secret,
    token_endpoint_auth_method: method,
    redirect_uris: [settings.redirect],
    grant_types: ['authorization_code', 'refresh_token'],
    // Who logs out here is logged out there.
    backchannel_logout_uri: settings.redirect.replace(/callback$/, 'logout'),
    backchannel_logout_session_required: true,
    id_token_signed_response_alg: settings.algorithm,
  };
}

function rotate() {
  keys = [
    key('RS256', 'rsa', { modulusLength: 2048 }),
    key('ES256', 'ec', { namedCurve: 'P-256' }),
    key('EdDSA', 'ed25519'),
  ];
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients: [client('client_secret_basic', 'basic'), client('client_secret_post', 'post')],
    claims: {
      openid: ['sub'],
      profile: ['preferred_username', 'name'],
      email: ['email', 'email_verified'],
      groups: ['groups', 'realm_access'],
    },
    // Where people's claims are: in the identity token, or behind the userinfo endpoint, where the standard has them.
    conformIdTokenClaims: !settings.in_token,
    pkce: { required: () => true },
    features: { backchannelLogout: { enabled: true } },
    // By itself it asks nobody on this machine, where everybody is.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    enabledJWA: { idTokenSigningAlgValues: keys.map((known) => known.alg) },
    rotateRefreshToken: () => once,
    cookies: { keys: [randomUUID()] },
    findAccount(context, subject) {
      const account = accounts[subject];
      return account && { accountId: subject, claims: () => ({ ...account, sub: subject }) };
    },
  });
  provider.on('server_error', (context, error) => console.error(error));
  provider.on('backchannel.error', (context, error) => console.error(error));
  answer = provider.callback();
}

async function sign({ header, claims }) {
  const algorithm = header.alg ?? settings.algorithm;
  const secret = keys.find((known) => known.alg === algorithm);
  const token = new SignJWT({ iss: issuer, ...claims });
  return token.setProtectedHeader({ typ: 'JWT', kid: secret.kid, ...header, alg: algorithm }).sign(await importJWK(secret));
}

async function body(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return text;
}

const tests = {
  '/tests/rotate': async () => rotate(),
  '/tests/sign': async (request) => sign(JSON.parse(await body(request))),
  '/tests/accounts': async (request) => { accounts = JSON.parse(await body(request)); },
  '/tests/once': async () => { once = true; },
  '/tests/failing': async (request) => { failing = await body(request); },
  '/tests/hold': async () => { released = new Promise((resolve) => { release = resolve; }); },
  '/tests/release': async () => release(),
  '/tests/tokens': async () => String(asked),
};

function hold(response) {
  const end = response.end.bind(response);
  response.end = (...content) => {
    asked += 1;
    released.then(() => end(...content));
    return response;
  };
}

rotate();
createServer((request, response) => {
  if (request.url === failing) {
    response.statusCode = 500;
    return response.end();
  }
  const test = tests[request.url];
  if (request.url === '/token') hold(response);
  if (!test) return answer(request, response);
  return test(request).then(
    (said) => response.end(said ?? ''),
    (error) => { response.statusCode = 500; response.end(String(error)); },
  );
}).listen(Number(port), '127.0.0.1', () => console.log('listening'));
