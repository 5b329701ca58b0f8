// openid-client as FAPI 2.0 wants it: registered by itself, a key instead of a secret, PAR, DPoP with
// nonces. What it pushes is a signed request object.
import * as oidc from 'openid-client';
import { end, open, facts } from './facts.mjs';

const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
const { key_ops, ext, ...jwk } = await crypto.subtle.exportKey('jwk', keys.publicKey);
const config = await oidc.dynamicClientRegistration(
  new URL(facts.issuer),
  {
    client_name: 'An app with keys',
    redirect_uris: [facts.redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'private_key_jwt',
    id_token_signed_response_alg: 'ES256',
    dpop_bound_access_tokens: true,
    require_pushed_authorization_requests: true,
    request_object_signing_alg: 'ES256',
    jwks: { keys: [{ ...jwk, kid: 'the only one', use: 'sig', alg: 'ES256' }] },
    scope: 'openid email offline_access',
  },
  oidc.PrivateKeyJwt({ key: keys.privateKey, kid: 'the only one' }),
  { execute: [oidc.allowInsecureRequests] },
);
oidc.enableNonRepudiationChecks(config);
const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'));

const checks = {
  pkceCodeVerifier: oidc.randomPKCECodeVerifier(),
  expectedState: oidc.randomState(),
  expectedNonce: oidc.randomNonce(),
  idTokenExpected: true,
};
const signed = await oidc.buildAuthorizationUrlWithJAR(
  config,
  {
    redirect_uri: facts.redirect_uri,
    scope: 'openid email offline_access',
    prompt: 'consent',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
  },
  { key: keys.privateKey, kid: 'the only one' },
);
const asked = await oidc.buildAuthorizationUrlWithPAR(config, signed.searchParams, { DPoP });

const tokens = await oidc.authorizationCodeGrant(config, await open(asked), checks, undefined, { DPoP });
const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP });
const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
const again = await oidc.fetchUserInfo(config, fresh.access_token, tokens.claims().sub, { DPoP });

end({ asked, userinfo, again, kinds: [tokens.token_type, fresh.token_type] });
