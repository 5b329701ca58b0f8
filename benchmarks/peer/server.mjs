// oidc-provider as the benchmark compares it: the same clients, person, key and lifetimes as Curfew has.
import { readFileSync } from 'node:fs';
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';
import { RedisAdapter } from './redis_adapter.mjs';

const setup = JSON.parse(readFileSync(process.env.PEER_SETUP, 'utf8'));
const digest = (text) => createHash('sha256').update(text).digest();
const people = new Map(setup.people.map((name) => [name, digest(setup.password)]));

const provider = new Provider(setup.issuer, {
  adapter: RedisAdapter,
  jwks: setup.jwks,
  clients: setup.clients,
  cookies: { keys: ['a-cookie-key-of-the-benchmark'] },
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email'] },
  scopes: ['openid', 'profile', 'email', 'offline_access'],
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    rpInitiatedLogout: { enabled: true },
  },
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  pkce: { required: () => true },
  ttl: { Session: 43200, Grant: 15552000, AccessToken: 600, RefreshToken: 1209600, IdToken: 600, Interaction: 600 },
  async findAccount(ctx, sub) {
    return {
      accountId: sub,
      claims: async () => ({ sub, name: sub, preferred_username: sub, email: `${sub}@example.test` }),
    };
  },
  // The operator's own apps: no one is asked for consent, as for Curfew's first-party clients.
  async loadExistingGrant(ctx) {
    const { client, session } = ctx.oidc;
    const known = session.grantIdFor(client.clientId);
    if (known) return ctx.oidc.provider.Grant.find(known);
    const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid profile email offline_access');
    await grant.save();
    return grant;
  },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  // The apps listen on a loopback port, which the dispatcher would refuse.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
});

const PAGE = '<!doctype html><title>Sign in</title><form method="post"><input name="username"><input type="password" '
  + 'name="password"><button>Sign in</button></form>';

async function read(request) {
  let body = '';
  for await (const chunk of request) body += chunk;
  return new URLSearchParams(body);
}

async function interact(request, response) {
  const { prompt } = await provider.interactionDetails(request, response);
  if (prompt.name !== 'login') throw new Error(`unexpected prompt ${prompt.name}`);
  if (request.method === 'GET') {
    response.setHeader('content-type', 'text/html');
    response.end(PAGE);
    return;
  }
  const form = await read(request);
  const known = people.get(form.get('username'));
  if (!known || !timingSafeEqual(known, digest(form.get('password')))) {
    response.statusCode = 403;
    response.end('wrong');
    return;
  }
  await provider.interactionFinished(request, response, { login: { accountId: form.get('username') } });
}

provider.on('backchannel.error', (ctx, error) => console.error(error));
const answer = provider.callback();
createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) {
    answer(request, response);
    return;
  }
  interact(request, response).catch((error) => {
    console.error(error);
    response.statusCode = 500;
    response.end();
  });
}).listen(Number(new URL(setup.issuer).port), '127.0.0.1');
